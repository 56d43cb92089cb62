import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory } from '../../agent/audit/inventory.ts';
import type { Clock } from '../../engine/clock.ts';
import { type AuditedHost, auditHost, repairHost } from './host-audit.ts';

type Rows = Readonly<Record<string, unknown>>[];

const id = (n: number): string => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const clock = { sleep: async () => {}, now: () => 0 } as unknown as Clock;
const agents = ['Linux bridge agent', 'L3 agent'].map((agent_type, n) => ({ id: id(n), agent_type, alive: true }));

/** An API that answers by pages of two, as some servers do whoever asks. */
function host(inventory: Partial<Inventory>, routers: Rows, ports: Rows): AuditedHost {
  const all: Readonly<Record<string, Rows>> = { agents, routers, ports, networks: [], floatingips: [] };
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const { pathname, searchParams } = new URL(path, 'http://api');
    const name = pathname.endsWith('/l3-routers') ? 'routers' : pathname.slice(1);
    const of = (all[name] ?? []).filter(row =>
      ['device_id', 'binding:host_id'].every(key => [null, row[key]].includes(searchParams.get(key))),
    );
    const from = of.findIndex(row => row['id'] === searchParams.get('marker')) + 1;
    const page = of.slice(from, from + 2);
    return { [name]: page, ...(from + 2 < of.length ? { [`${name}_links`]: [{ rel: 'next', href: 'x' }] } : {}) };
  };
  const take = async (): Promise<Inventory> => ({ taps: [], bridges: [], tunnels: [], dhcp: [], routers: [], running: {}, ...inventory });
  const never = (): never => assert.fail('nothing is to be repaired');
  return { name: 'h1', clock, get, take, repair: never, resync: never };
}

const router = (n: number, more = {}) => ({ id: id(n), admin_state_up: true, ha: false, distributed: false, ...more });

test('namespaces of highly available and distributed routers are nobody’s to remove, wherever they stand in the answer', async () => {
  const routers = [router(1), router(2, { ha: true }), router(3, { distributed: true }), router(4, { admin_state_up: false })];
  const there = { routers: [1, 2, 3, 4, 5].map(n => ({ router: id(n), devices: {} })) };
  const found = await auditHost(host(there, routers, []));
  assert.deepEqual(
    found?.map(({ what }) => what),
    [4, 5].map(n => `qrouter-${id(n)} is of no router of this host`),
  );
});

test('the tap of an instance that is on its way here stays, as do those of the next pages', async () => {
  const port = (n: number, more = {}) => ({
    id: id(n),
    network_id: id(9),
    'binding:host_id': 'h1',
    'binding:vif_type': 'bridge',
    admin_state_up: true,
    status: 'ACTIVE',
    ...more,
  });
  const tap = (n: number) => ({ name: `tap${id(n).slice(0, 11)}`, bridge: `brq${id(9).slice(0, 11)}`, ours: false });
  const coming = port(14, { 'binding:host_id': 'h2', 'binding:profile': { migrating_to: 'h1' } });
  const gone = port(15, { 'binding:host_id': 'h2', 'binding:profile': {} });
  const found = await auditHost(host({ taps: [11, 12, 13, 14, 15].map(tap) }, [], [port(11), port(12), port(13), coming, gone]));
  assert.deepEqual(
    found?.map(({ what }) => what),
    [`${tap(15).name} is of no port that is bound here`],
  );
});

test('an agent that runs here by another host’s name keeps what is its own, and no more than that', async () => {
  const bound = (n: number, device_owner: string, more = {}) => ({
    ...{ id: id(n), network_id: id(n + 1), device_id: id(n + 2), device_owner, 'binding:host_id': 'h1-b', 'binding:profile': {} },
    ...{ admin_state_up: true, status: 'ACTIVE' },
    ...more,
  });
  const ports = [bound(20, 'network:router_interface'), bound(30, 'network:router_gateway')];
  const there = {
    routers: [22, 32, 42].map(n => ({ router: id(n), devices: {} })),
    taps: [20, 40].map(n => ({ name: `tap${id(n).slice(0, 11)}`, bridge: undefined, ours: true })),
    bridges: [21, 41].map(n => ({ name: `brq${id(n).slice(0, 11)}`, plugged: false, addressed: false, vlans: [] })),
  };
  const told = async (running: Record<string, number>): Promise<string[]> =>
    ((await auditHost(host({ ...there, running }, [], ports))) ?? []).map(({ what }) => what.split(' ')[0] as string);
  const [tap, bridge, router] = [`tap${id(40).slice(0, 11)}`, `brq${id(41).slice(0, 11)}`, `qrouter-${id(42)}`];
  assert.deepEqual(await told({ 'L3 agent': 2, 'Linux bridge agent': 1 }), [tap, bridge, router]);
  // One whose type the API does not know on this host is another host's, too.
  assert.deepEqual(await told({ 'DHCP agent': 1 }), [tap, bridge, router]);
  assert.equal((await told({ 'L3 agent': 1, 'Linux bridge agent': 1 })).length, 7);
});

test('a repair is of what was shown and is there still, done in the way that was shown', async () => {
  const there: { router: string; devices: Record<string, string[]> }[] = [1, 2].map(n => ({ router: id(n), devices: {} }));
  const repaired: string[] = [];
  const under: AuditedHost = {
    ...host({ routers: there }, [], []),
    async repair(fixes) {
      for (const fix of fixes) repaired.push(fix.do === 'remove namespace' ? fix.namespace : fix.name);
      return fixes.map(() => undefined);
    },
  };
  const shown = (await auditHost(under)) ?? [];
  there.splice(0, 1, { router: id(3), devices: {} });
  const found = (await auditHost(under)) ?? [];
  const done = await repairHost(under, found, shown);
  assert.deepEqual(repaired, [`qrouter-${id(2)}`]);
  assert.deepEqual(
    done.map(({ finding, why }) => [finding.ids[0], why]),
    [
      [id(2), undefined],
      [id(3), 'it was not among what was shown: audit again'],
    ],
  );
  const otherwise = shown.map(({ repair: _, ...rest }) => rest);
  assert.match((await repairHost(under, found, otherwise)).map(({ why }) => why).join(), /not among what was shown.*not among/);
  assert.deepEqual(repaired, [`qrouter-${id(2)}`]);
});
