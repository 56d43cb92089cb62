// Weft started by an ordinary user: the same networks, in a user namespace.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { networkOf, processesIn, processesNaming, untilNone } from './left.ts';
import { asNobody, noSandbox, noSwitch, noUserNamespaces } from './need.ts';
import { checkout, type Instance, WeftWorld } from './weft-world.ts';

const noUser = noSandbox() || noUserNamespaces();
describe('without root', { skip: noUser }, () => rootless('linuxbridge'));
describe('without root, on Open vSwitch', { skip: noUser || noSwitch() }, () => rootless('openvswitch'));

function rootless(switchKind: SwitchKind): void {
  const state = mkdtempSync(join(tmpdir(), 'weft-rootless-'));
  const user = ['setpriv', ...asNobody, '--'];
  const weft = join(checkout, 'bin/weft');
  let world: WeftWorld;
  let a: Instance;
  let b: Instance;

  const asUser = (verb: readonly string[], ...rest: string[]): Promise<Done> =>
    tryRun([...user, weft, ...verb, '--state-dir', state, ...rest], { timeoutMs: 60_000 });
  const inside = (vm: Instance, ...argv: string[]): Promise<Done> => asUser(['instance', 'exec', vm.name], '--', ...argv);

  before(async () => {
    await run(['chown', '65534:65534', state]);
    world = await WeftWorld.open({ hosts: 2, stateDir: state, command: [...user, weft, 'up'], more: ['--switch', switchKind] });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    rmSync(state, { recursive: true, force: true, maxRetries: 5 });
  });

  test('ready says so, and what it made belongs to the user', async () => {
    assert.match((await asUser(['status'])).stdout, /^ready: process \d+, contained, without root/);
    assert.equal(statSync(join(state, 'clouds.yaml')).uid, 65534);
    const { pid } = await world.status();
    assert.equal(statSync(`/proc/${pid}`).uid, 65534);
  });

  test('instances on two hosts get their addresses by DHCP, DHCPv6 and SLAAC, and ping over all of them', async () => {
    const network = await world.create(world.member, 'network', { name: 'net1' });
    const subnets = [
      { ip_version: 4, cidr: '10.1.0.0/24' },
      { ip_version: 6, cidr: '2001:db8:1::/64', ipv6_ra_mode: 'dhcpv6-stateful', ipv6_address_mode: 'dhcpv6-stateful' },
      { ip_version: 6, cidr: '2001:db8:2::/64', ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' },
    ];
    const made = [];
    for (const subnet of subnets) made.push(await world.create(world.member, 'subnet', { network_id: network.id, ...subnet }));
    const { networks } = await world.member.get<{ networks: { id: string }[] }>('/networks?router:external=true');
    const router = await world.create(world.member, 'router', { name: 'r1', external_gateway_info: { network_id: networks[0]?.id } });
    for (const { id } of made) await world.member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: id });
    [a, b] = await Promise.all([
      world.instance({ name: 'a', network: network.id, host: 'h1' }),
      world.instance({ name: 'b', network: network.id, host: 'h2' }),
    ]);
    assert.ok(a.view.fixed_ips.length >= 2 && b.view.fixed_ips.length >= 2);
    for (const address of b.view.fixed_ips)
      await world.until(`a reaches ${address}`, async () => (await inside(a, 'ping', '-n', '-c1', '-W1', address)).code === 0);
  });

  test('the router leads to the public side, and metadata answers', async () => {
    await world.until('the gateway answers', async () => (await inside(a, 'ping', '-c1', '-W1', '172.24.4.1')).code === 0);
    await world.until(
      'metadata answers',
      async () => (await inside(b, 'curl', '-s', '-m2', 'http://169.254.169.254/latest/meta-data/hostname')).stdout === 'b',
    );
    assert.equal((await asUser(['public', 'exec'], '--', 'ping', '-c1', '172.24.4.1')).code, 0);
  });

  test('3 s after kill -9 nothing is left', async () => {
    const status = await world.status();
    const networks = new Set(
      [status.underlay ?? 0, ...status.hosts.map(host => host.init ?? 0)].map(networkOf).filter(n => n !== undefined),
    );
    assert.equal(networks.size, 3);
    assert.ok(processesIn(networks).length > 4);
    process.kill(status.pid, 'SIGKILL');
    assert.deepEqual(await untilNone(() => [...processesIn(networks), ...processesNaming(state)], 3000), []);
  });
}
