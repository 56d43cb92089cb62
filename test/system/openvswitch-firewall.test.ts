// Security groups as flows of a real switch, and what only a switch is asked: pieces of datagrams, and MACs that nobody has heard of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Case, python } from './attack-world.ts';
import { openvswitch } from './guards.ts';
import type { Job } from './job.ts';
import type { Instance } from './linuxbridge-world.ts';
import { broadcast, bytes, eth, fragment4, hex, icmp6, ipv6, sender, sniffer, udp4 } from './raw-frames.ts';
import { out, type Scene, securityGroups, v4 } from './security-groups.suite.ts';
import { antiSpoofing, type SpoofScene } from './spoofing.suite.ts';

securityGroups(openvswitch, its => {
  test('a neighbour does not hear what is for another, also where nobody has heard of that MAC before', () => unicast(its()));
});

async function unicast(scene: Scene): Promise<void> {
  const { world, server, near, far } = scene;
  await scene.rules(out);
  const ears = new Map<Instance, Job>();
  for (const vm of [near, far]) {
    await world.inside(vm, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    ears.set(vm, world.spawn(vm, [python, '-c', sniffer, 'eth0']));
  }
  await world.until('the sniffers listen', async () => [...ears.values()].every(e => e.output().includes('listening')));
  const to = (mac: string, text: string, ip = v4(far)): string =>
    hex(eth(mac, server.port.mac, 0x0800, udp4(v4(server), ip, 4000, 5000, text)));
  const [nobody, one, all] = [
    to('fa:16:3e:99:99:99', 'for nobody'),
    to(far.port.mac, 'for one'),
    to(broadcast, 'for all', '255.255.255.255'),
  ];
  await world.inside(server, python, '-c', sender, 'eth0', [nobody, one, all].join());
  await world.until('all hear what is for all', async () => [...ears.values()].every(e => e.output().includes(all)));
  const heard = (vm: Instance): boolean[] => [nobody, one].map(f => ears.get(vm)!.output().includes(f));
  assert.deepEqual(heard(near), [false, false]);
  assert.equal(heard(far)[1], true);
}

antiSpoofing(openvswitch, its => {
  test('no DHCP server in pieces, which have no ports that the switch could see', async () => {
    const { attacker, stateless, open } = its();
    await its().stayOut(attacker, offers(its(), attacker, 7), [its().last(attacker)]);
    await its().stayOut(stateless, offers(its(), stateless, 207), datagram(its(), stateless));
    await its().arrive(open, offers(its(), attacker, 107));
  });

  test('a router advertisement in pieces leaves no port with rules', async () => {
    const { attacker, stateless } = its();
    const never: [Instance, number][] = [
      [attacker, 134],
      [stateless, 134],
      [attacker, 137],
      [stateless, 136],
    ];
    const cases = never.map(([from, type], i) => ({ from, parts: inPieces(from, type, i + 1) }));
    const fine = [attacker, stateless].map((from, i) => ({ from, parts: inPieces(from, 128, i + 5) }));
    for (const { from, parts } of fine)
      await its().stayOut(
        from,
        cases.filter(c => c.from === from).flatMap(c => c.parts),
        parts,
      );
  });
});

/** Offers to a DHCP client. First pieces of less than 1200 bytes the switch does not take at all. */
function offers({ victim }: SpoofScene, from: Instance, id: number): Case[] {
  const [a4 = '', to4 = ''] = [from.port.ips[0], victim.port.ips[0]];
  const offer = (to: string, ip: string, number: number): Case[] =>
    fragment4(udp4(a4, ip, 67, 68, `an offer in pieces ${number}`.padEnd(1400)), number, 1208).map((part, i) => ({
      name: `piece ${i} of an offer to ${ip}`,
      frame: eth(to, from.port.mac, 0x0800, part),
    }));
  return [...offer(victim.port.mac, to4, id), ...offer(broadcast, '255.255.255.255', id + 1)];
}

function datagram({ victim }: SpoofScene, { port }: Instance): Case[] {
  return fragment4(udp4(port.ips[0]!, victim.port.ips[0]!, 5000, 5001, 'in pieces'.padEnd(1400)), 300, 1208).map((part, i) => ({
    name: `piece ${i} of a datagram`,
    frame: eth(victim.port.mac, port.mac, 0x0800, part),
  }));
}

function inPieces({ port }: Instance, type: number, id: number): Case[] {
  const [from = '', all] = [port.ips[1], 'ff02::1'];
  const message = icmp6(from, all, type, bytes(64, 0, 7, 8, Array<number>(1500).fill(0)));
  const piece = (offset: number, more: number, part: number[]): number[] =>
    ipv6(from, all, 44, bytes(58, 0, offset >> 8, (offset & 0xf8) | more, 0, 0, 0, id, part));
  return [piece(0, 1, message.slice(0, 1248)), piece(1248, 0, message.slice(1248))].map((part, i) => ({
    name: `piece ${i} of type ${type} from ${port.ips[1]}`,
    frame: eth('33:33:00:00:00:01', port.mac, 0x86dd, part),
  }));
}
