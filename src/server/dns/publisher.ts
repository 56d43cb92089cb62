// The outbox reader that keeps an external DNS as the cloud is. What it has published is in a table, written before the DNS is told and
// removed after: whatever happens between, the same is done again.
import { type DnsRecord, DnsRefused, DnsUnavailable, type ExternalDns } from '../../contracts/dns.ts';
import type { OutboxRow, Predicate, Row } from '../../contracts/store.ts';
import { type DnsZones, reverseOf, zoneOf } from '../../domain/ipam/dns-zones.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';
import { namesOfFloatingIp, namesOfPort, type WantedName } from './wanted.ts';

export interface Publisher {
  readonly services: Services;
  readonly dns: ExternalDns;
  readonly zones: DnsZones;
}

const table = 'external_dns_names';

/** What one fact may have changed. */
export async function publish(publisher: Publisher, row: OutboxRow): Promise<void> {
  const { store } = publisher.services;
  const { kind, id, facts } = row;
  const changed = (facts.changed ?? []) as readonly string[];
  if (kind === 'floatingip') return reconcile(publisher, id, await namesOfFloatingIp(publisher.services, id));
  if (kind === 'port') return reconcilePort(publisher, id);
  const network = kind === 'network' && changed.includes('dns_domain') ? id : undefined;
  const around = kind === 'subnet' && changed.includes('dns_publish_fixed_ip') ? String(facts.network_id) : network;
  if (around === undefined) return;
  const named = { and: [{ eq: ['network_id', around] }, { not: { in: ['dns_name', ['']] } }] } as const;
  for (const port of await store.select({ table: 'ports', where: named, columns: ['id'] })) await reconcilePort(publisher, String(port.id));
}

/** Whatever was missed: what is to have a name, and what has one in the table and is no longer there. `hold` is called before each. */
export async function publishAll(publisher: Publisher, hold: () => Promise<void>): Promise<void> {
  const { store, log } = publisher.services;
  const settle = async (id: string, work: () => Promise<void>): Promise<void> => {
    await hold();
    await work().catch((error: unknown) => {
      if (error instanceof DnsUnavailable) throw error;
      log.error('the names of an object were not published', { id, error });
    });
  };
  const ids = async (from: string, where: Predicate): Promise<string[]> =>
    (await store.select({ table: from, where, columns: ['id'] })).map(r => String(r.id));
  const named: Predicate = { gt: ['dns_name', ''] };
  const ports = await ids('ports', named);
  const fips = await ids('floatingips', { or: [named, { not: { eq: ['port_id', null] } }] });
  for (const id of ports) await settle(id, () => reconcilePort(publisher, id));
  for (const id of fips) await settle(id, async () => reconcile(publisher, id, await namesOfFloatingIp(publisher.services, id)));
  const known = new Set([...ports, ...fips]);
  const told = new Set((await store.select({ table, columns: ['object_id'] })).map(r => String(r.object_id)));
  const others = [...told].filter(id => !known.has(id));
  for (const id of others) await settle(id, async () => reconcile(publisher, id, await namesNow(publisher.services, id)));
}

/** Of a port or a floating IP; none, where it is neither any more. */
const namesNow = async (services: Services, id: string): Promise<WantedName[]> => [
  ...(await namesOfPort(services, id)),
  ...(await namesOfFloatingIp(services, id)),
];

async function reconcilePort(publisher: Publisher, id: string): Promise<void> {
  const { services } = publisher;
  await reconcile(publisher, id, await namesOfPort(services, id));
  for (const fip of await services.store.select({ table: 'floatingips', where: { eq: ['port_id', id] }, columns: ['id'] }))
    await reconcile(publisher, String(fip.id), await namesOfFloatingIp(services, String(fip.id)));
}

const same = (a: { name?: unknown; address?: unknown }, b: { name?: unknown; address?: unknown }): boolean =>
  a.name === b.name && a.address === b.address;

async function reconcile(publisher: Publisher, object_id: string, wanted: readonly WantedName[]): Promise<void> {
  const there = await publisher.services.store.select({ table, where: { eq: ['object_id', object_id] } });
  for (const row of there) if (!wanted.some(w => same(w, row))) await withdraw(publisher, row);
  // One that is there already may not have reached the DNS: that is only known of what was acknowledged.
  for (const name of wanted)
    if (!there.some(t => same(t, name) && t.done === true))
      await add(
        publisher,
        object_id,
        name,
        there.some(t => same(t, name)),
      );
}

async function add({ services, dns, zones }: Publisher, object_id: string, wanted: WantedName, tried: boolean): Promise<void> {
  const zone = zoneOf(wanted.name, zones.zones);
  if (zone === undefined) return;
  const others = (await services.store.select({ table, where: { eq: ['name', wanted.name] } })).filter(o => o.object_id !== object_id);
  if (others.some(o => o.project_id !== wanted.project_id)) {
    services.log.warning('a name is not published: it is that of another project', { name: wanted.name, object_id });
    return;
  }
  const key = { object_id, name: wanted.name, address: wanted.address };
  const write = (done: boolean) =>
    commitDecision(services, { decide: async draft => draft.upsert(table, { ...key, zone, project_id: wanted.project_id, done }) });
  await write(false);
  const own = others.some(o => o.done === true) || (await hasName(services, object_id, wanted));
  try {
    await put(dns, zone, recordOf(wanted.name, wanted.address), { own, tried });
  } catch (error) {
    if (!(error instanceof DnsRefused)) throw error;
    services.log.error('a name cannot be published', { name: wanted.name, code: error.code });
    await forget(services, key);
    return;
  }
  await pointBack({ services, dns, zones }, wanted, 'add');
  await write(true);
}

/** A name is ours where the DNS has acknowledged a record of it. Until then somebody else may have it, at a second try as at the first. */
async function put(dns: ExternalDns, zone: string, record: DnsRecord, { own, tried }: { own: boolean; tried: boolean }): Promise<void> {
  const change = { zone, add: [record] };
  if (own) return dns.change(change);
  try {
    await dns.change({ ...change, absent: [record.name] });
  } catch (error) {
    if (!tried || !(error instanceof DnsRefused) || error.code !== 'YXRRSET') throw error;
    // An earlier try may have got through without its answer: then our record is all that is there.
    await dns.change({ ...change, only: [record] });
  }
}

/** Another address of the object is known to have the name. */
async function hasName(services: Services, object_id: string, { name, address }: WantedName): Promise<boolean> {
  const where = {
    and: [{ eq: ['object_id', object_id] }, { eq: ['name', name] }, { eq: ['done', true] }, { not: { eq: ['address', address] } }],
  } as const;
  return (await services.store.count(table, where)) > 0;
}

async function withdraw(publisher: Publisher, row: Row): Promise<void> {
  const { services, dns } = publisher;
  const { object_id, name, address, zone } = row as Readonly<Record<string, string>>;
  const shared = {
    and: [{ eq: ['name', String(name)] }, { eq: ['address', String(address)] }, { not: { eq: ['object_id', String(object_id)] } }],
  } as const;
  if ((await services.store.count(table, shared)) === 0) {
    await unlessRefused(services, () => dns.change({ zone: String(zone), remove: [recordOf(String(name), String(address))] }));
    await pointBack(publisher, { name: String(name), address: String(address) }, 'remove');
  }
  await forget(services, { object_id: String(object_id), name: String(name), address: String(address) });
}

async function forget(services: Services, key: { object_id: string; name: string; address: string }): Promise<void> {
  const where = { and: Object.entries(key).map(([column, value]) => ({ eq: [column, value] }) as const) };
  await commitDecision(services, { decide: async draft => draft.delete(table, where) });
}

const recordOf = (name: string, address: string): DnsRecord => ({ name, type: address.includes(':') ? 'AAAA' : 'A', data: address });

/** The way from the address to the name, where there is a zone for it. */
async function pointBack(
  { services, dns, zones }: Publisher,
  { name, address }: { name: string; address: string },
  how: 'add' | 'remove',
): Promise<void> {
  const place = zones.reverse && reverseOf(address, zones.reverse);
  if (!place) return;
  await unlessRefused(services, () => dns.change({ zone: place.zone, [how]: [{ name: place.name, type: 'PTR', data: name }] }));
}

async function unlessRefused(services: Services, change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof DnsRefused)) throw error;
    services.log.warning('the DNS server refused a change', { reason: error.message });
  }
}
