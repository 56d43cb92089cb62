// Pushes of versioned objects: one fact of the outbox in, the object as it is now out, once for each version that somebody reads.
import type { OutboxRow, Predicate, Query, Row } from '../../contracts/store.ts';
import { encode, encodeGone, type Image, minorOf, type Primitive, versionText } from '../../domain/objects/encode.ts';
import type { ObjectType } from '../../model/objects/kit.ts';
import { objectTypes } from '../../model/objects/types.ts';
import { aliveSince } from '../commands/agent-liveness.ts';
import type { Services } from '../context.ts';
import { type Message, objectPush } from '../relay/messages.ts';
import type { Source } from './source.ts';
import { followers, sources } from './sources.ts';

const byKind = Map.groupBy([...sources, ...followers], s => s.kind);

/** Agents that keep ports, networks and groups by pushes; the other L2 agents hear of them in the older way. */
const cachingAgents: readonly string[] = ['Open vSwitch agent'];

export async function objectPushes(services: Services, fact: OutboxRow): Promise<Message[]> {
  const out: Message[] = [];
  for (const source of byKind.get(fact.kind) ?? []) out.push(...(await pushesOf(services, source, fact)));
  return out;
}

async function pushesOf(services: Services, source: Source, fact: OutboxRow): Promise<Message[]> {
  const event = eventOf(source, fact.event);
  if (!event) return [];
  const minors = await minorsRead(services, source);
  if (minors.length === 0) return [];
  const write = await writerOf(services, source, fact);
  return write ? minors.map(minor => objectPush(source.type, versionText(minor), event, write(minor))) : [];
}

type ObjectEvent = 'created' | 'updated' | 'deleted';

function eventOf({ told }: Source, event: OutboxRow['event']): ObjectEvent | undefined {
  if (told === 'again') return 'updated';
  if (event === 'updated') return told === 'ends' ? undefined : event;
  if (event === 'deleted' || told === 'life' || told === 'ends') return event;
  return told === 'core' ? 'updated' : undefined;
}

/** How the objects are written in a version; undefined where they have gone meanwhile, which the next fact tells. */
async function writerOf(services: Services, source: Source, fact: OutboxRow): Promise<((minor: number) => Primitive[]) | undefined> {
  const { type, gone } = source;
  if (fact.event === 'deleted' && gone) return minor => [encodeGone(type, fact.id, minor, gone)];
  const rows = source.rows ? await source.rows(services, fact) : await rowsOf(services, source, fact);
  if (rows.length === 0) return undefined;
  const images = await source.images(services, rows);
  return minor => images.map((image: Image) => encode(type, image, minor));
}

async function rowsOf({ store }: Services, { table }: Source, fact: OutboxRow): Promise<readonly Row[]> {
  const row = fact.event === 'deleted' ? lastOf(fact) : await store.get(table, { id: fact.id });
  return row ? [row] : [];
}

function lastOf({ facts }: OutboxRow): Row {
  const { last, ...rest } = facts as { readonly last?: Row };
  return { ...(rest as Row), ...last };
}

/** Agents that may hear of objects that are told so. */
export function readersQuery(services: Services, told: Source['told']): Query {
  const alive: Predicate = { gte: ['heartbeat_timestamp', aliveSince(services, 2)] };
  const where: Predicate = told === 'core' ? { and: [{ in: ['agent_type', cachingAgents] }, alive] } : alive;
  return { table: 'agents', where, columns: ['resource_versions'] };
}

/** The versions of a type that living agents know; of a type that others than L2 agents read, this server's own as well. */
async function minorsRead(services: Services, { type, told }: Source): Promise<readonly number[]> {
  const { minor: own, oldest }: ObjectType = objectTypes[type];
  const readers = await services.store.select(readersQuery(services, told));
  const known = readers.map(a => minorOf(String((a.resource_versions as Readonly<Record<string, unknown>> | null)?.[type])));
  const minors = [...(told === 'core' ? [] : [own]), ...known.filter(m => m !== undefined && m <= own && m >= oldest)] as number[];
  return [...new Set(minors)].sort((a, b) => b - a);
}
