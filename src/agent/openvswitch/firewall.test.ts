// What the firewall makes of ports and what the server told, and which connections it ends when that changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimDatapath } from '../../adapters/host/datapath/sim.ts';
import type { TrackedConnection } from '../../contracts/host/datapath.ts';
import { type Guard, guardOf } from '../l2/guard.ts';
import { View } from '../l2/view.ts';
import type { SecurityDevice } from '../l2/wire.ts';
import type { WireRule } from '../render/security-rules.ts';
import { type FirewallPort, OvsFirewall } from './firewall.ts';

const NET = 3;
const group = 'aaaaaaaa-0000-4000-8000-000000000001';
const remote = 'bbbbbbbb-0000-4000-8000-000000000001';
const idOf = (n: number): string => `cccccccc-0000-4000-8000-00000000000${n}`;
const ipOf = (n: number): string => `10.0.0.${n}`;
const rule = (fields: WireRule): WireRule => ({ direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', ...fields });
const ssh = rule({ port_range_min: 22, port_range_max: 22 });
const dns = rule({ protocol: 'udp', port_range_min: 53, port_range_max: 53 });

/** A network of one host, and what the server said of it last. */
class Small {
  readonly datapath = new SimDatapath();
  readonly view = new View(id => id);
  private firewall = this.begun();

  begun(): OvsFirewall {
    this.firewall = new OvsFirewall({ datapath: this.datapath, type: 'netdev', permitted: [] });
    return this.firewall;
  }

  /** The server tells all of a port's security. */
  tell(n: number, rules: readonly WireRule[], members: readonly string[] = []): void {
    const device: SecurityDevice = {
      id: idOf(n),
      device: idOf(n),
      mac_address: `fa:16:3e:00:00:0${n}`,
      fixed_ips: [ipOf(n)],
      allowed_address_pairs: [],
      security_groups: [`${group.slice(0, -1)}${n}`],
      provider_rules: [],
      port_security_enabled: true,
      admin_state_up: true,
    };
    this.view.appeared(idOf(n));
    const asked = [this.view.devices.get(idOf(n))!];
    this.view.takeSecurity(
      {
        devices: new Map([[idOf(n), device]]),
        groups: new Map([[`${group.slice(0, -1)}${n}`, rules]]),
        members: new Map([[remote, members]]),
      },
      asked,
    );
  }

  port(n: number, guard?: Guard): FirewallPort {
    const device = this.view.devices.get(idOf(n))!;
    const details = { port_security_enabled: true, device_owner: 'compute:nova' };
    const fixed = guard ?? guardOf(this.view, device, details as Parameters<typeof guardOf>[2]);
    return { device: idOf(n), ofport: 10 + n, vlan: NET, addresses: [ipOf(n)], guard: fixed };
  }

  track(protocol: 'tcp' | 'udp', fields: Partial<TrackedConnection>): void {
    const number = { tcp: '6', udp: '17' }[protocol];
    const tuple = { src: '192.0.2.9', dst: ipOf(1), srcPort: 40_000, dstPort: protocol === 'tcp' ? 22 : 53 };
    this.datapath.track({ family: 4, protocol: number, zone: NET, mark: 0, ...tuple, ...fields });
  }

  async left(zone = NET): Promise<string[]> {
    return (await this.datapath.connections('netdev', zone)).map(
      c => `${c.protocol} ${c.src}>${c.dst}:${c.dstPort}${c.mark ? ' marked' : ''}`,
    );
  }

  async pass(ports: readonly FirewallPort[], freed: readonly number[] = [], tagged = [NET]): Promise<void> {
    await this.firewall.begin(ports, new Set(tagged));
    this.firewall.flows(ports, this.view, new Map());
    await this.firewall.end(ports, this.view, freed);
  }
}

test('a rule goes: UDP is forgotten, TCP is left to its mark; what is permitted stays', async () => {
  const small = new Small();
  small.tell(1, [ssh, dns]);
  small.track('tcp', {});
  small.track('udp', {});
  small.track('udp', { dstPort: 54 });
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), ['6 192.0.2.9>10.0.0.1:22', '17 192.0.2.9>10.0.0.1:53']);
  small.tell(1, []);
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), ['6 192.0.2.9>10.0.0.1:22']);
});

test('what is marked is forgotten when it is permitted again, and stays marked until then', async () => {
  const small = new Small();
  small.tell(1, []);
  small.track('tcp', { mark: 1 });
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), ['6 192.0.2.9>10.0.0.1:22 marked']);
  small.tell(1, [ssh]);
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), []);
});

test('a member that goes takes its connections, one that comes ends none', async () => {
  const small = new Small();
  const rules = [{ ...dns, remote_group_id: remote }];
  small.tell(1, rules, ['192.0.2.9', '198.51.100.0/24']);
  small.track('udp', {});
  small.track('udp', { src: '198.51.100.7' });
  await small.pass([small.port(1)]);
  assert.equal((await small.left()).length, 2);
  small.tell(1, rules, ['192.0.2.9', '198.51.100.0/24', '10.0.0.7']);
  await small.pass([small.port(1)]);
  assert.equal((await small.left()).length, 2);
  small.tell(1, rules, ['192.0.2.9']);
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), ['17 192.0.2.9>10.0.0.1:53']);
});

test('connections are looked at when something changed, at first, and again after a failure', async () => {
  const small = new Small();
  small.tell(1, []);
  await small.pass([small.port(1)]);
  small.track('udp', {});
  await small.pass([small.port(1)]);
  assert.equal((await small.left()).length, 1, 'nothing changed');
  small.begun();
  small.datapath.failNext('connections');
  await assert.rejects(small.pass([small.port(1)]), /ovs-vswitchd/);
  assert.equal((await small.left()).length, 1);
  await small.pass([small.port(1)]);
  assert.deepEqual(await small.left(), []);
});

test('a closed port ends what it had; an open one permits all', async () => {
  const small = new Small();
  small.tell(1, [dns]);
  small.track('udp', {});
  await small.pass([small.port(1)]);
  await small.pass([small.port(1, { kind: 'open' })]);
  assert.equal((await small.left()).length, 1);
  await small.pass([small.port(1, { kind: 'closed', why: 'no reason' })]);
  assert.deepEqual(await small.left(), []);
});

test('a zone is emptied when its network leaves the host, and before another has it', async () => {
  const small = new Small();
  small.tell(1, [dns]);
  small.track('udp', {});
  await small.pass([small.port(1)]);
  small.datapath.failNext('forget');
  await assert.rejects(small.pass([], [NET]), /ovs-vswitchd/);
  assert.equal((await small.left()).length, 1);
  await small.pass([], []);
  assert.deepEqual(await small.left(), []);
  small.track('udp', {});
  small.begun();
  await small.pass([small.port(1)], [], []);
  assert.deepEqual(await small.left(), [], 'a VLAN that no port had, in another life');
});
