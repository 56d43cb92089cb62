// One VXLAN network on Linux bridges and Open vSwitch: what l2population tells comes to every host of both kinds, and follows ports that come, go,
// move from one kind to the other, and change their addresses.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { patience } from '../interop/agents/needs.ts';
import { families, MatrixWorld, type Member, segment } from './matrix-world.ts';
import { noSandbox, noSwitch } from './need.ts';

/** What a host holds of a network: where MACs are, whose addresses are, where frames for everybody go. */
interface Known {
  readonly ends: Record<string, string>;
  /** IPv4, which both kinds are told of. */
  readonly addresses: Record<string, string>;
  readonly flood: readonly string[];
}

describe('l2population between Linux bridges and Open vSwitch', {
  skip: noSandbox() || noSwitch(),
  timeout: 590_000 * patience,
  concurrency: 1,
}, () => {
  let world: MatrixWorld;
  /** By host, one of each. */
  const vms = new Map<string, Member>();
  const at = (host: string): Member => {
    const found = vms.get(host);
    assert.ok(found, host);
    return found;
  };
  const everybody = (): Member[] => [...vms.values()];

  before(async () => {
    world = await MatrixWorld.open(4);
    await world.network('vxlan');
    await Promise.all(world.lab.hosts.map(async ({ name }) => vms.set(name, await world.instance(name, 'vxlan'))));
    await world.active(...everybody().map(vm => vm.port.id));
  });
  after(() => world?.[Symbol.asyncDispose]());

  const macOf = (vm: Member): string => String(vm.port['mac_address']);

  async function ofBridge(host: string): Promise<Known> {
    const device = `vxlan-${segment}`;
    const json = async (...argv: string[]): Promise<readonly Record<string, unknown>[]> =>
      JSON.parse((await world.lab.attempt(host, ...argv)).stdout || '[]') as Record<string, unknown>[];
    const fdb = (await json('bridge', '-j', 'fdb', 'show', 'dev', device)).filter(
      e => e['dst'] !== undefined && e['state'] === 'permanent',
    );
    const neighbours = await json('ip', '-j', '-4', 'neighbour', 'show', 'dev', device, 'nud', 'permanent');
    const nobody = '00:00:00:00:00:00';
    return {
      ends: Object.fromEntries(fdb.filter(e => e['mac'] !== nobody).map(e => [String(e['mac']), String(e['dst'])])),
      addresses: Object.fromEntries(neighbours.map(n => [String(n['dst']), String(n['lladdr'])])),
      flood: fdb
        .filter(e => e['mac'] === nobody)
        .map(e => String(e['dst']))
        .sort(),
    };
  }

  async function ofSwitch(host: string): Promise<Known> {
    const flows = (await world.lab.attempt(host, 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-tun')).stdout;
    const listed = await world.lab.on(host, 'ovs-vsctl', '--format=csv', '--no-headings', '--columns=ofport,options', 'list', 'Interface');
    const remote = new Map([...listed.matchAll(/^(\d+),.*remote_ip="+([^"]+)"/gm)].map(([, port = '', ip = '']) => [port, ip]));
    const out = (actions: string): string[] =>
      [...actions.matchAll(/output:"?([^",\s]+)/g)].map(([, port = '']) => remote.get(port) ?? port);
    const found = { ends: {} as Record<string, string>, addresses: {} as Record<string, string>, flood: [] as string[] };
    for (const line of flows.split('\n').filter(l => !l.includes('hard_timeout='))) {
      const mac = /table=20,.*dl_dst=([0-9a-f:]{17})/.exec(line)?.[1];
      if (mac !== undefined) found.ends[mac] = out(line).join();
      const [, address, lladdr] = /table=21,.*arp_tpa=([0-9.]+).*set_field:([0-9a-f:]{17})->eth_src/.exec(line) ?? [];
      if (address !== undefined && lladdr !== undefined) found.addresses[address] = lladdr;
      if (/table=22,.*dl_vlan=/.test(line)) found.flood.push(...out(line));
    }
    return { ...found, flood: found.flood.sort() };
  }

  const known = (host: string): Promise<Known> => (world.host(host).kind === 'linuxbridge' ? ofBridge(host) : ofSwitch(host));

  /** Every host with an instance knows all others' of these, and no more. */
  async function expected(members: readonly Member[]): Promise<void> {
    for (const { name } of world.lab.hosts.filter(host => members.some(vm => vm.host.name === host.name))) {
      const others = members.filter(vm => vm.host.name !== name);
      const wanted: Known = {
        ends: Object.fromEntries(others.map(vm => [macOf(vm), vm.host.address])),
        addresses: Object.fromEntries(others.map(vm => [vm.addresses.IPv4, macOf(vm)])),
        flood: [...new Set(others.map(vm => vm.host.address))].sort(),
      };
      let last: Known | undefined;
      const agrees = async (): Promise<boolean> => {
        last = await known(name);
        try {
          assert.deepEqual(last, wanted);
          return true;
        } catch {
          return false;
        }
      };
      await world.until(`${name} knows the others`, agrees).catch((error: unknown) => {
        assert.deepEqual(last, wanted, `${name}: ${String(error)}`);
      });
    }
  }

  test('all hosts know all ports of the others', () => expected(everybody()));

  test('a port that comes is known, and forgotten when it goes', async () => {
    for (const host of ['lb1', 'ovs3']) {
      const late = await world.instance(host, 'vxlan');
      await world.active(late.port.id);
      await expected([...everybody(), late]);
      for (const from of ['lb2', 'ovs4']) await world.talks(at(from), late, 'IPv4');
      await world.unplug(late);
      await world.server.admin.delete(`/ports/${late.port.id}`);
      await expected(everybody());
    }
  });

  test('an address that changes is known at its new place in the tables', async () => {
    for (const host of ['lb1', 'ovs3']) {
      const { port, addresses } = at(host);
      const number = host === 'lb1' ? 201 : 203;
      const fixed_ips = [{ ip_address: `10.5.0.${number}` }, { ip_address: addresses.IPv6 }];
      await world.server.set(`ports/${port.id}`, 'port', { fixed_ips });
      await world.inside(at(host), 'ip', 'address', 'del', `${addresses.IPv4}/24`, 'dev', 'eth0');
      await world.inside(at(host), 'ip', 'address', 'add', `10.5.0.${number}/24`, 'dev', 'eth0');
      vms.set(host, { ...at(host), addresses: { ...addresses, IPv4: `10.5.0.${number}` } });
      await expected(everybody());
      for (const from of ['lb2', 'ovs4']) await world.talks(at(from), at(host), 'IPv4');
    }
  });

  test('an address of a pair is reached from both kinds while the pair is there', async () => {
    for (const [host, number] of [
      ['lb1', 211],
      ['ovs3', 213],
    ] as const) {
      const pair = `10.5.0.${number}`;
      const vm = at(host);
      await world.inside(vm, 'ip', 'address', 'add', `${pair}/24`, 'dev', 'eth0');
      const reached = (): Promise<boolean[]> => Promise.all(['lb2', 'ovs4'].map(from => world.pings(at(from), pair)));
      assert.deepEqual(await reached(), [false, false]);
      await world.server.set(`ports/${vm.port.id}`, 'port', { allowed_address_pairs: [{ ip_address: pair }] });
      await world.until('it is reached', async () => (await reached()).every(Boolean));
      await world.server.set(`ports/${vm.port.id}`, 'port', { allowed_address_pairs: [] });
      await world.until('it is reached no more', async () => !(await reached()).some(Boolean));
      await world.talks(at('ovs4'), vm, 'IPv4');
    }
  });

  async function move(vm: Member, to: string): Promise<Member> {
    await world.unplug(vm);
    const port = await world.server.set(`ports/${vm.port.id}`, 'port', { 'binding:host_id': to });
    const moved = await world.plug(to, 'vxlan', port);
    await world.active(port.id);
    // As hypervisors do: bridges have learned where it was.
    await world.inside(moved, 'arping', '-U', '-c1', '-w2', '-I', 'eth0', moved.addresses.IPv4).catch(() => {});
    return moved;
  }

  test('a port moves from Open vSwitch to a Linux bridge and on', async () => {
    let mover = await world.instance('ovs3', 'vxlan');
    await world.active(mover.port.id);
    for (const to of ['lb1', 'ovs4', 'lb2', 'ovs3']) {
      mover = await move(mover, to);
      await expected([...everybody(), mover]);
      for (const family of families) for (const vm of everybody()) await world.talks(vm, mover, family);
    }
    await world.unplug(mover);
    await world.server.admin.delete(`/ports/${mover.port.id}`);
  });

  test('a host without a port of the network is flooded no more', async () => {
    for (const host of ['lb2', 'ovs4']) {
      const last = at(host);
      await world.unplug(last);
      await world.server.admin.delete(`/ports/${last.port.id}`);
      vms.delete(host);
      await expected(everybody());
    }
    for (const family of families) await world.talks(at('lb1'), at('ovs3'), family);
  });
});
