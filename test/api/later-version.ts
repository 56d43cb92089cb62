// A later version of the server, made of data: what a next release might add to the model, written into this process's own model.
import { idOf } from '../../src/main/db/history.ts';
import type { Version } from '../../src/main/store.ts';
import type { Field } from '../../src/model/kit/resource.ts';
import { columnOf } from '../../src/model/kit/resource.ts';
import { additions, type Revision } from '../../src/model/kit/revision.ts';
import type { ColumnDef, TableDef } from '../../src/model/kit/table.ts';
import { t } from '../../src/model/kit/types.ts';
import { network } from '../../src/model/network.ts';
import { port } from '../../src/model/port.ts';
import { allTables } from '../../src/model/registry.ts';

/** An attribute that nobody needs to give, and one with a value for all that is there. */
const added = {
  port: { shade: { type: t.opt(t.str(60)), post: true, put: true, default: null, filter: true } },
  network: { weight: { type: t.int(0, 100), post: true, put: true, default: 7, filter: true } },
} satisfies Record<string, Record<string, Field>>;

const comets: TableDef = {
  name: 'comets',
  columns: { id: { type: 'text' }, port_id: { type: 'text' }, seen_at: { type: 'time', nullable: true } },
  primaryKey: ['id'],
  indexes: [['port_id']],
};

const columnsOf = (fields: Readonly<Record<string, Field>>): Record<string, ColumnDef> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, columnOf(field)]));

/** The tables of that version; those of this process stay as they are. */
export function laterVersion(earlier: { readonly tables: readonly TableDef[]; readonly revisions: readonly Revision[] }): Version {
  const gains = new Map([
    [port.table.name, { columns: columnsOf(added.port), indexes: [['network_id', 'created_at'], ['shade']] }],
    [network.table.name, { columns: columnsOf(added.network), indexes: [['weight', 'id']] }],
  ]);
  const tables = earlier.tables.map(def => {
    const gain = gains.get(def.name);
    return gain ? { ...def, columns: { ...def.columns, ...gain.columns }, indexes: [...(def.indexes ?? []), ...gain.indexes] } : def;
  });
  const later = [...tables, comets];
  const adds = additions(earlier.tables, later);
  const revision = {
    id: idOf(earlier.revisions.at(-1), adds),
    name: `${String(earlier.revisions.length + 1).padStart(4, '0')}-comets`,
    adds,
  };
  return { tables: later, revisions: [...earlier.revisions, revision], program: 'weft 99.0.0' };
}

/** This process is that version from now on. */
export function becomeLater(): void {
  Object.assign(port.fields, added.port);
  Object.assign(network.fields, added.network);
  for (const [def, fields] of [
    [port.table, added.port],
    [network.table, added.network],
  ] as const)
    Object.assign(def.columns, columnsOf(fields));
  (allTables as TableDef[]).push(comets);
}
