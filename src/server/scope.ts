// A policy scope as a condition of the store, so that a list reads only what the caller may see.
import type { Predicate, Scalar } from '../contracts/store.ts';
import type { Condition } from '../domain/policy/predicate.ts';
import type { Commands, Viewer } from './commands/commands.ts';

const never: Predicate = { or: [] };

/** Undefined: no restriction. */
export function predicateOf(scope: boolean | Condition, commands: Commands, viewer: Viewer): Predicate | undefined {
  if (scope === true) return undefined;
  return scope === false ? never : toPredicate(scope, commands, viewer);
}

function toPredicate(scope: Condition, commands: Commands, viewer: Viewer): Predicate {
  if ('and' in scope) return { and: scope.and.map(s => toPredicate(s, commands, viewer)) };
  if ('or' in scope) return { or: scope.or.map(s => toPredicate(s, commands, viewer)) };
  if ('not' in scope) return { not: toPredicate(scope.not, commands, viewer) };
  if ('eq' in scope) return onColumn(scope.eq[0], scope.eq[1], commands, viewer);
  if ('parentEq' in scope) return onParent(scope.parentEq, commands);
  if ('fieldMatches' in scope) return onText(scope.fieldMatches[1], scope.fieldMatches[2], commands);
  const [resource, field, value] = scope.field;
  const own = commands.fieldFilters?.[`${resource}:${field}`];
  return own ? own([String(value)], viewer) : onColumn(field, value, commands, viewer);
}

function onColumn(name: string, value: Scalar, commands: Commands, viewer: Viewer): Predicate {
  const column = name === 'tenant_id' ? 'project_id' : name;
  if (commands.resource.table.columns[column]) return { eq: [column, value] };
  const filter = commands.filters?.[column];
  return filter ? filter([String(value)], viewer) : never;
}

function onText(field: string, texts: readonly { readonly text: string; readonly whole: boolean }[], commands: Commands): Predicate {
  if (!commands.resource.table.columns[field]) return never;
  return { or: texts.map(t => (t.whole ? { eq: [field, t.text] } : { startsWith: [field, t.text] })) };
}

const parents: Readonly<Record<string, { readonly table: string; readonly column: string }>> = {
  network: { table: 'networks', column: 'network_id' },
  security_group: { table: 'security_groups', column: 'security_group_id' },
};

function onParent([parent, column, value]: readonly [string, string, Scalar], { resource }: Commands): Predicate {
  const link = parent === 'ext_parent' ? resource.parent : parents[parent];
  if (!link || !resource.table.columns[link.column]) return never;
  return {
    exists: {
      table: link.table,
      on: [['id', link.column]],
      where: { eq: [column === 'tenant_id' ? 'project_id' : column, value] },
      first: true,
    },
  };
}
