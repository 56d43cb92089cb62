// An instance with a raw socket against the filters of its port: what is not its own does not arrive, what is does.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { anyRules, type Case, python } from './attack-world.ts';
import type { Job } from './job.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox } from './need.ts';
import { bytes, eth, hex, sender, sniffer } from './raw-frames.ts';
import { forbidden, PAIR_MAC, permitted } from './spoofed-frames.ts';

describe('anti-spoofing', { skip: noSandbox() }, () => {
  let world: BridgeWorld;
  let attacker: Instance;
  let victim: Instance;
  let open: Instance;
  let ear: Job;

  before(async () => {
    world = await BridgeWorld.open(1);
    const network = world.server.network(1);
    const groups = [world.server.group(1, anyRules)];
    const a = world.server.port(1, network, { groups, pairs: [{ mac_address: PAIR_MAC, ip_address: '10.0.7.0/24' }] });
    const v = world.server.port(2, network, { groups });
    const o = world.server.port(3, network, { groups: [], security: false });
    await world.agent('h1');
    attacker = await world.instance('h1', a);
    victim = await world.instance('h1', v);
    open = await world.instance('h1', o);
    await world.active(a, v, o);
    // Promiscuous, so that frames to other MACs are seen if they come.
    await world.inside(victim, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    ear = world.spawn(victim, [python, '-c', sniffer, 'eth0']);
    await world.until('the sniffer listens', async () => ear.output().includes('listening'));
  });
  after(() => world[Symbol.asyncDispose]());

  const send = (from: Instance, cases: readonly Case[]): Promise<string> =>
    world.inside(from, python, '-c', sender, 'eth0', cases.map(c => hex(c.frame)).join(','));
  const heard = (c: Case): boolean => ear.output().includes(hex(c.mark ?? c.frame));

  test("what is the port's own arrives", async () => {
    const cases = permitted(attacker.port, victim.port);
    await send(attacker, cases);
    await world.until('all arrived', async () => cases.every(heard), 3000).catch(() => {});
    assert.deepEqual(
      cases.filter(c => !heard(c)).map(c => c.name),
      [],
    );
  });

  test('what is not its own does not', async () => {
    const cases = forbidden(attacker.port, victim.port);
    const last = { name: 'the last', frame: eth(victim.port.mac, attacker.port.mac, 0x88b5, bytes([...Buffer.from('that is all')])) };
    await send(attacker, [...cases, last]);
    await world.until('the last frame arrived', async () => heard(last));
    assert.deepEqual(
      cases.filter(heard).map(c => c.name),
      [],
    );
  });

  test('a port without port security sends the very same frames', async () => {
    // Not those to bridges, which no bridge passes on, and not hidden ones: the receiver's own filters judge IP.
    const cases = forbidden(attacker.port, victim.port).filter(c => !/bridge/.test(c.name));
    await send(open, cases);
    await world.until('all arrived', async () => cases.every(heard), 3000).catch(() => {});
    assert.deepEqual(
      cases.filter(c => !heard(c)).map(c => c.name),
      [],
    );
  });
});
