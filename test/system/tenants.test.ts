// Two tenants on one host whose instances have the same MACs and addresses and talk from the same ports to the same ports, at the same
// time: what one may do says nothing about the other. Every denial has its control: the same conversation, allowed.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, Body } from '../../src/client/api.ts';
import { type Job, until } from './job.ts';
import { noSandbox } from './need.ts';
import { type Instance, type Made, WeftWorld } from './weft-world.ts';

const families = [4, 6] as const;
const protocols = ['tcp', 'udp'] as const;
type Family = (typeof families)[number];
type Protocol = (typeof protocols)[number];

const address = (family: Family, last: number): string => (family === 4 ? `10.9.0.${last}` : `2001:db8:9::${last}`);
const prefix = { 4: 24, 6: 64 } as const;
const client = 10;
const server = 20;
/** An address that is nobody's. */
const foreign = 99;

/** Answers every message with the tenant's name. */
const answering = `
const [name] = process.argv.slice(1);
const tcp = require('node:net').createServer(s => { s.on('error', () => {}); s.on('data', () => s.write(name)); });
const udp = require('node:dgram').createSocket({ type: 'udp6', ipv6Only: false });
udp.on('message', (m, from) => udp.send(name, from.port, from.address, () => {}));
tcp.listen(80, '::', () => udp.bind(80, '::', () => console.log('ready')));
`;

/** Talks from one address and port for as long as it is let; says each answer in a line. A connection that broke is not made anew. */
const talking = `
const [protocol, from, port, to] = process.argv.slice(1);
const hear = data => { for (const name of String(data)) console.log('heard ' + name); };
if (protocol === 'udp') {
  const socket = require('node:dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', hear).on('error', e => console.log('error ' + e.message));
  socket.bind(Number(port), from, () => setInterval(() => socket.send('hello', 80, to, () => {}), 50));
} else {
  const socket = require('node:net').connect({ host: to, port: 80, localAddress: from, localPort: Number(port) });
  socket.on('data', hear).on('error', e => console.log('error ' + e.message));
  socket.once('connect', () => setInterval(() => socket.write('hello'), 50));
  setInterval(() => {}, 1000);
}
`;

interface Tenant {
  readonly name: string;
  readonly api: ApiClient;
  readonly network: Made;
  /** Of the client and of the server; nothing comes in by them but answers. */
  readonly groups: { readonly client: Made; readonly server: Made };
  readonly client: Instance;
  readonly server: Instance;
}

/** A conversation from the client to the server. */
class Talk {
  readonly label: string;
  private readonly job: Job;

  constructor(world: WeftWorld, tenant: Tenant, { protocol, family, port, from = client }: Way) {
    const source = address(family, from);
    this.label = `${tenant.name} ${protocol} ${source}:${port}`;
    this.job = world.spawn(tenant.client, [process.execPath, '-e', talking, protocol, source, String(port), address(family, server)]);
  }

  heard(): string[] {
    return [...this.job.output().matchAll(/^heard (.*)$/gm)].map(match => match[1] ?? '');
  }

  /** Waits until it goes on from here. */
  async goesOn(withinMs = 10_000): Promise<void> {
    const already = this.heard().length;
    await until(`${this.label} goes on`, () => this.heard().length > already + 3, { withinMs, story: () => this.job.output().slice(-500) });
  }

  /** Waits until nothing has been heard for a while. */
  async isOver(withinMs = 5000): Promise<void> {
    let last = { count: -1, at: 0 };
    const quiet = (): boolean => {
      const count = this.heard().length;
      if (count !== last.count) last = { count, at: performance.now() };
      return performance.now() - last.at > 600;
    };
    await until(`${this.label} is over`, quiet, { withinMs, story: () => `${this.heard().length} answers` });
  }

  end(): void {
    this.job.kill();
  }
}

interface Way {
  readonly protocol: Protocol;
  readonly family: Family;
  readonly port: number;
  /** The last part of the source address. */
  readonly from?: number;
}

/** TCP and UDP over both families, from the same ports in every tenant. */
const ways = (port: number): Way[] => protocols.flatMap(protocol => families.map(family => ({ protocol, family, port })));

describe('two tenants with the same addresses on one host', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  let red: Tenant;
  let blue: Tenant;
  const open = new Set<Talk>();

  const talk = (tenant: Tenant, all: readonly Way[]): Talk[] =>
    all.map(way => {
      const made = new Talk(world, tenant, way);
      open.add(made);
      return made;
    });
  const endAll = (): void => {
    for (const one of open) one.end();
    open.clear();
  };
  const each = (all: readonly Talk[], look: (one: Talk) => Promise<void>): Promise<unknown> => Promise.all(all.map(look));
  const goOn = (all: readonly Talk[]): Promise<unknown> => each(all, one => one.goesOn());
  const areOver = (all: readonly Talk[]): Promise<unknown> => each(all, one => one.isOver());
  const heardNothing = (all: readonly Talk[]): void => {
    for (const one of all) assert.deepEqual(one.heard(), [], one.label);
  };
  const heardOnly = (all: readonly Talk[], name: string): void => {
    for (const one of all) {
      assert.ok(one.heard().length > 0, one.label);
      assert.deepEqual([...new Set(one.heard())], [name], one.label);
    }
  };

  before(async () => {
    world = await WeftWorld.open();
    [red, blue] = await Promise.all([makeTenant(world, 'R', world.member), makeTenant(world, 'B', world.other)]);
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });
  afterEach(async () => {
    for (const { api } of [red, blue]) {
      const { security_group_rules } = await api.get<{ security_group_rules: Made[] }>('/security-group-rules?direction=ingress');
      await disallow(api, security_group_rules);
    }
    // What still goes on tells when the host knows: nothing of a test's rules is left for the next one.
    await areOver([...open]).finally(endAll);
  });

  test('one allowed, one denied, at the same time with the same 5-tuples', async t => {
    const mac = (i: Instance): string => i.view.mac_address;
    assert.deepEqual([mac(red.client), red.client.v4, red.client.v6], [mac(blue.client), blue.client.v4, blue.client.v6]);
    const allowed = await allow(world, red, {});
    const reds = talk(red, ways(40_001));
    const blues = talk(blue, ways(40_001));
    await goOn(reds);
    await sleep(1500);
    heardNothing(blues);
    heardOnly(reds, 'R');

    // The control: the same packets of the other tenant are answered as soon as his own rules say so, and by his own server.
    await allow(world, blue, {});
    await goOn(blues);
    await goOn(reds);
    heardOnly(reds, 'R');
    heardOnly(blues, 'B');

    // What ends with a rule is the flows of its tenant.
    await disallow(red.api, allowed);
    await areOver(reds);
    await goOn(blues);
    heardOnly(blues, 'B');
    t.diagnostic(`answers: ${[...reds, ...blues].map(one => `${one.label} ${one.heard().length}`).join(', ')}`);
  });

  test('members of a remote group come and go', async () => {
    const { api, groups } = red;
    const friends = await world.create(api, 'security-group', { name: 'friends' });
    await allow(world, red, { remote_group_id: friends.id });
    await allow(world, blue, {});
    const before = talk(red, ways(40_002));
    const blues = talk(blue, ways(40_002));
    await goOn(blues);
    heardNothing(before);
    endAll();

    await api.put(`/ports/${red.client.port}`, { port: { security_groups: [groups.client.id, friends.id] } });
    const member = talk(red, ways(40_003));
    const stillBlue = talk(blue, ways(40_003));
    await goOn(member);
    await api.put(`/ports/${red.client.port}`, { port: { security_groups: [groups.client.id] } });
    await areOver(member);
    await goOn(stillBlue);
    heardOnly(member, 'R');
  });

  test('addresses of an address group come and go', async () => {
    const { api } = red;
    const own = families.map(family => `${address(family, client)}/${family === 4 ? 32 : 128}`);
    const known = await world.create(api, 'address-group', {});
    await allow(world, red, { remote_address_group_id: known.id });
    await allow(world, blue, {});
    const before = talk(red, ways(40_020));
    const blues = talk(blue, ways(40_020));
    await goOn(blues);
    heardNothing(before);
    endAll();

    await api.put(`/address-groups/${known.id}/add_addresses`, { addresses: own });
    const member = talk(red, ways(40_021));
    const stillBlue = talk(blue, ways(40_021));
    await goOn(member);
    await api.put(`/address-groups/${known.id}/remove_addresses`, { addresses: own });
    await areOver(member);
    await goOn(stillBlue);
    heardOnly(member, 'R');
  });

  test('foreign addresses: dropped, allowed as address pairs, dropped again', async () => {
    await allow(world, red, {});
    await addForeign(world, red);
    const own = talk(red, ways(40_004));
    await goOn(own);
    const spoofed = talk(
      red,
      ways(40_005).map(way => ({ ...way, from: foreign })),
    );
    await sleep(1500);
    heardNothing(spoofed);
    const pairs = families.map(family => ({ ip_address: address(family, foreign) }));
    await red.api.put(`/ports/${red.client.port}`, { port: { allowed_address_pairs: pairs } });
    await goOn(spoofed);
    heardOnly(spoofed, 'R');
    await red.api.put(`/ports/${red.client.port}`, { port: { allowed_address_pairs: [] } });
    await areOver(spoofed);
    await goOn(own);
  });

  test('without port security everything passes; with it again, nothing that is not allowed', async () => {
    const spoof = ways(40_006).map(way => ({ ...way, from: foreign }));
    const off = (port: string): Promise<unknown> =>
      red.api.put(`/ports/${port}`, { port: { port_security_enabled: false, security_groups: [] } });
    // Neither a rule for the server, nor the client's own address.
    const spoofed = talk(red, spoof);
    const own = talk(red, ways(40_007));
    await sleep(1200);
    heardNothing([...spoofed, ...own]);
    await off(red.server.port);
    await goOn(own);
    heardNothing(spoofed);
    await off(red.client.port);
    await goOn(spoofed);
    heardOnly([...spoofed, ...own], 'R');
    for (const [instance, group] of [
      [red.client, red.groups.client],
      [red.server, red.groups.server],
    ] as const)
      await red.api.put(`/ports/${instance.port}`, { port: { port_security_enabled: true, security_groups: [group.id] } });
    await areOver([...spoofed, ...own]);
    endAll();
    const again = talk(red, ways(40_008));
    await sleep(1200);
    heardNothing(again);
  });

  test('a port whose administrator took it down carries nothing, and carries on when it is up', async () => {
    await allow(world, red, {});
    const talks = talk(red, ways(40_009));
    await goOn(talks);
    const { api, server: vm } = red;
    const setUp = (admin_state_up: boolean): Promise<unknown> => api.put(`/ports/${vm.port}`, { port: { admin_state_up } });
    const status = async (): Promise<unknown> => (await api.get<{ port: Made }>(`/ports/${vm.port}`)).port['status'];
    await setUp(false);
    await areOver(talks);
    await world.until('the port is DOWN', async () => (await status()) === 'DOWN');
    await setUp(true);
    await world.until('the port is ACTIVE', async () => (await status()) === 'ACTIVE');
    // TCP waits longer and longer before it sends again.
    await each(talks, one => one.goesOn(20_000));
  });
});

async function makeTenant(world: WeftWorld, name: string, api: ApiClient): Promise<Tenant> {
  const network = await world.create(api, 'network', { name: `net-${name}` });
  for (const family of families) {
    const cidr = `${address(family, 0).replace(/0$/, family === 4 ? '0' : '')}/${prefix[family]}`;
    await world.create(api, 'subnet', { network_id: network.id, ip_version: family, cidr, enable_dhcp: false, gateway_ip: null });
  }
  const groups = {
    client: await world.create(api, 'security-group', { name: `client-${name}` }),
    server: await world.create(api, 'security-group', { name: `server-${name}` }),
  };
  const instance = async (kind: 'client' | 'server', last: number): Promise<Instance> => {
    const port = await world.create(api, 'port', {
      network_id: network.id,
      mac_address: `fa:16:3e:09:00:${last}`,
      fixed_ips: families.map(family => ({ ip_address: address(family, last) })),
      security_groups: [groups[kind].id],
    });
    return world.instance({ name: `${kind}-${name}`, port: port.id });
  };
  const [c, s] = await Promise.all([instance('client', client), instance('server', server)]);
  const job = world.spawn(s, [process.execPath, '-e', answering, name]);
  await until(`the server of ${name} listens`, () => job.output().includes('ready'), { story: job.output });
  return { name, api, network, groups, client: c, server: s };
}

/** Lets in TCP and UDP port 80 over both families at the tenant's server, from where `more` says. */
async function allow(world: WeftWorld, { api, groups }: Tenant, more: Body): Promise<Made[]> {
  const rules: Made[] = [];
  for (const protocol of protocols)
    for (const family of families) {
      const ports = { protocol, port_range_min: 80, port_range_max: 80 };
      const rule = { security_group_id: groups.server.id, direction: 'ingress', ethertype: `IPv${family}`, ...ports, ...more };
      rules.push(await world.create(api, 'security-group-rule', rule));
    }
  return rules;
}

async function disallow(api: ApiClient, rules: readonly Made[]): Promise<void> {
  for (const rule of rules) await api.delete(`/security-group-rules/${rule.id}`);
}

async function addForeign(world: WeftWorld, { client: vm }: Tenant): Promise<void> {
  for (const family of families)
    await world.inside(
      vm,
      'ip',
      'address',
      'add',
      `${address(family, foreign)}/${prefix[family]}`,
      'dev',
      'eth0',
      ...(family === 6 ? ['nodad'] : []),
    );
}
