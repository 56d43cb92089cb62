// Metering labels and their rules. Rules of one label that count the same traffic are refused.
import type { Predicate, Row } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkOverlap, checkPrefixes, type MeteringPrefixes } from '../../domain/metering.ts';
import { meteringLabel, meteringLabelRule } from '../../model/metering.ts';
import { notFound } from '../authorize.ts';
import { newColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find } from '../find.ts';
import type { Commands, Created } from './commands.ts';

const rules = meteringLabelRule.table.name;

async function createLabel(_ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const row = draft.create(meteringLabel, {
    ...newColumns(meteringLabel, input),
    id: draft.newId(),
    project_id: String(input.project_id ?? ''),
  });
  return { id: String(row.id), shown: shownColumns(meteringLabel, row) };
}

async function removeLabel(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const own: Predicate = { eq: ['metering_label_id', String(row.id)] };
  const going = await ctx.store.select({ table: rules, where: own });
  for (const rule of going) draft.remove(meteringLabelRule, rule, { with_label: true });
  draft.remove(meteringLabel, row, { rules: going });
  draft.delete(rules, own);
}

async function createRule(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { metering_label_id, direction, excluded } = input;
  checkPrefixes(input as unknown as MeteringPrefixes);
  const label = await find(ctx, meteringLabels, String(metering_label_id));
  // A label that is only seen is not the caller's to count by.
  if (!ctx.isAdmin && label.project_id !== ctx.caller.project_id) throw notFound(meteringLabel, String(label.id));
  draft.present(meteringLabel.table.name, { eq: ['id', String(label.id)] });
  await refuseOverlap(ctx, draft, input, {
    and: [
      { eq: ['metering_label_id', String(label.id)] },
      { eq: ['direction', String(direction)] },
      { eq: ['excluded', excluded === true] },
    ],
  });
  const row = draft.create(meteringLabelRule, {
    ...newColumns(meteringLabelRule, input),
    id: draft.newId(),
    project_id: String(input.project_id ?? ''),
  });
  return { id: String(row.id), shown: shownColumns(meteringLabelRule, row) };
}

async function refuseOverlap(ctx: RequestContext, draft: Draft, input: Attributes, alike: Predicate): Promise<void> {
  const remote = (input.remote_ip_prefix ?? null) as string | null;
  if (remote === null) return;
  const seen = await ctx.store.select({ table: rules, where: alike });
  const making = draft
    .allMade(meteringLabelRule)
    .filter(r => r.metering_label_id === input.metering_label_id && r.direction === input.direction && r.excluded === input.excluded);
  checkOverlap(
    remote,
    [...seen, ...making].map(r => r.remote_ip_prefix as string | null),
  );
  draft.absent(rules, { and: [alike, { not: { in: ['id', seen.map(r => String(r.id))] } }] });
}

async function removeRule(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(meteringLabelRule, row);
}

export const meteringLabels: Commands = {
  resource: meteringLabel,
  present: async (_services, rows) => rows.map(row => shownColumns(meteringLabel, row)),
  create: createLabel,
  delete: removeLabel,
};

export const meteringLabelRules: Commands = {
  resource: meteringLabelRule,
  present: async (_services, rows) => rows.map(row => ({ ...shownColumns(meteringLabelRule, row), project_id: row.project_id })),
  create: createRule,
  delete: removeRule,
};
