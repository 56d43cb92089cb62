// What metering agents ask: the routers of their host, with the labels that count for them. A label counts for the routers of its
// project, a shared one for all.
import type { Endpoint } from '../../contracts/bus.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import { meteringLabel, meteringLabelRule } from '../../model/metering.ts';
import { shownColumns } from '../columns.ts';
import { grouped } from '../commands/load.ts';
import { routersAt } from '../commands/router-places.ts';
import type { Services } from '../context.ts';
import type { Args } from './arguments.ts';
import type { Dict } from './dicts.ts';
import { agentAt } from './l3-modes.ts';

/** The routers that a label counts for. */
export const countedBy = (label: Row): Predicate =>
  label.shared === true ? { and: [] } : { eq: ['project_id', String(label.project_id)] };

export const ruleDict = (row: Row): Dict => shownColumns(meteringLabelRule, row);

export const labelDict = (row: Row, rules: readonly Row[]): Dict => ({
  id: row.id,
  name: row.name,
  shared: row.shared,
  rules: rules.map(ruleDict),
});

export const meteredRouter = (row: Row, labels: readonly Dict[]): Dict => ({
  id: row.id,
  name: row.name,
  project_id: row.project_id,
  admin_state_up: row.admin_state_up,
  status: row.status,
  gw_port_id: row.gw_port_id,
  distributed: row.distributed === true,
  _metering_labels: labels,
});

/** Routers that are up and counted, each with all its labels. */
export async function meteredRouters(services: Services, where: Predicate): Promise<Dict[]> {
  const labels = await services.store.select({ table: meteringLabel.table.name, order: [['id', 'asc']] });
  if (labels.length === 0) return [];
  const rules = await grouped(
    services,
    meteringLabelRule.table.name,
    'metering_label_id',
    labels.map(l => l.id),
    { order: [['id', 'asc']] },
  );
  const up: Predicate = { and: [where, { eq: ['admin_state_up', true] }] };
  const routers = await services.store.select({ table: 'routers', where: up, order: [['id', 'asc']] });
  return routers.flatMap(row => {
    const mine = labels.filter(l => l.shared === true || l.project_id === row.project_id);
    return mine.length === 0
      ? []
      : [
          meteredRouter(
            row,
            mine.map(l => labelDict(l, rules.get(String(l.id)) ?? [])),
          ),
        ];
  });
}

/** Null: there is no L3 agent on the host, or it has no router. */
export async function meteredAt(services: Services, host: string): Promise<Dict[] | null> {
  const agent = await agentAt(services, host);
  const ids = agent ? await routersAt(services, agent) : [];
  return ids.length === 0 ? null : meteredRouters(services, { in: ['id', ids] });
}

export function meteringAgents(services: Services): Endpoint {
  return {
    version: '1.0',
    methods: {
      get_sync_data_metering: ({ host }: Args) =>
        typeof host === 'string' && host !== '' ? meteredAt(services, host) : meteredRouters(services, { and: [] }),
    },
  };
}
