// What agents ask of versioned objects: one (`pull`), or all that fit (`bulk_pull`), in their version.
import { type Endpoint, RpcFailure } from '../../contracts/bus.ts';
import type { Order, Predicate, Row, Scalar } from '../../contracts/store.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { encode, type Image, minorOf, type Primitive } from '../../domain/objects/encode.ts';
import type { ColumnType, TableDef } from '../../model/kit/table.ts';
import type { ObjectType } from '../../model/objects/kit.ts';
import { objectTypes } from '../../model/objects/types.ts';
import { allTables } from '../../model/registry.ts';
import type { Services } from '../context.ts';
import { giveWay } from '../give-way.ts';
import type { Source } from '../objects/source.ts';
import { sources } from '../objects/sources.ts';
import { type Args, record, text } from './arguments.ts';

/** Rows that are read and written before others get their turn. */
const atOnce = 500;
const mostValues = 10_000;

export function objects(services: Services): Endpoint {
  return {
    version: '1.1',
    methods: { pull: args => pull(services, args), bulk_pull: args => bulkPull(services, args) },
  };
}

async function pull(services: Services, args: Args): Promise<Primitive | null> {
  const source = sourceOf(args);
  if (source.pulledBy === undefined)
    throw new RpcFailure('CallbackNotFound', `Callback for ${source.type} not found`, 'neutron.api.rpc.callbacks.exceptions');
  const minor = readableMinor(source, args);
  const rows = await services.store.select({ table: source.table, where: { eq: [source.pulledBy, text(args, 'resource_id')] }, limit: 1 });
  return (await written(services, source, rows, minor))[0] ?? null;
}

async function bulkPull(services: Services, args: Args): Promise<Primitive[]> {
  const source = sourceOf(args);
  const minor = readableMinor(source, args);
  const conditions = Object.entries(record(args.filter_kwargs ?? {}, 'filter_kwargs')).map(([name, value]) => filter(source, name, value));
  const where: Predicate | undefined = conditions.length > 0 ? { and: conditions } : undefined;
  const rows = await services.store.select({ table: source.table, ...(where ? { where } : {}), order: orderOf(source.table) });
  const out: Primitive[] = [];
  for (let from = 0; from < rows.length; from += atOnce) {
    if (from > 0) await giveWay(services);
    for (const primitive of await written(services, source, rows.slice(from, from + atOnce), minor)) out.push(primitive);
  }
  return out;
}

async function written(services: Services, source: Source, rows: readonly Row[], minor: number): Promise<Primitive[]> {
  if (rows.length === 0) return [];
  return (await source.images(services, rows)).map((image: Image) => encode(source.type, image, minor));
}

function sourceOf(args: Args): Source {
  const name = text(args, 'resource_type');
  const source = sources.find(s => s.type === name);
  if (!source) throw new RpcFailure('Invalid', `The value ${pyRepr(name)} for resource is not valid.`, 'neutron_lib.callbacks.exceptions');
  return source;
}

function readableMinor({ type }: Source, args: Args): number {
  const { minor: own, oldest }: ObjectType = objectTypes[type];
  const version = text(args, 'version');
  const minor = minorOf(version);
  const module = 'oslo_versionedobjects.exception';
  if (minor === undefined || minor > own) throw new RpcFailure('InvalidTargetVersion', `Invalid target version ${version}`, module);
  if (minor < oldest) throw new RpcFailure('IncompatibleObjectVersion', `Version ${version} of ${type} is not supported`, module);
  return minor;
}

/** A scalar, or a list of which one fits. */
function filter({ type, table, filters }: Source, name: string, value: unknown): Predicate {
  const values = (Array.isArray(value) ? value : [value]) as readonly Scalar[];
  if (values.length > mostValues || values.some(v => typeof v === 'object' && v !== null)) throw unknownFilter(type, name);
  const own = filters && Object.hasOwn(filters, name) ? filters[name] : undefined;
  if (own) return own(values.filter(v => v !== null));
  const { columns } = tableOf(table);
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (!column || values.some(v => v !== null && typeof v !== kinds[column.type])) throw unknownFilter(type, name);
  return { in: [name, values] };
}

/** What values of a column are; lists and objects are not compared. */
const kinds: Readonly<Record<ColumnType, string>> = { text: 'string', time: 'string', int: 'number', bool: 'boolean', json: 'none' };

const tableOf = (name: string): TableDef => allTables.find(t => t.name === name) as TableDef;
const orderOf = (table: string): Order => tableOf(table).primaryKey.map(column => [column, 'asc'] as const);

function unknownFilter(type: string, name: string): RpcFailure {
  return new RpcFailure('InvalidInput', `Invalid input for operation: '${name}' is not supported for filtering ${type}.`);
}
