// A host whose agent begins again with another firewall, under traffic: nothing is lost, no moment is open, nothing of the old one stays.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Dict } from '../../src/agent/l2/fake-server.suite.ts';
import type { Guard } from './guards.ts';
import { connects } from './linuxbridge-traffic.ts';
import type { Instance } from './linuxbridge-world.ts';
import { out, Scene, tcp, v4, v6 } from './security-groups.suite.ts';
import { describePackets, endWithoutLoss, type Place, startPackets, startTransfer } from './traffic.ts';

const udp = (port: number): Dict[] =>
  ['IPv4', 'IPv6'].map(ethertype => ({ direction: 'ingress', ethertype, protocol: 'udp', port_range_min: port, port_range_max: port }));

/** `steps` follow each other on one host; `nothing` of a guard means that none of its lines are left. */
export function firewallChanges(
  steps: readonly [Guard, Guard, ...Guard[]],
  left: (guard: Guard, lines: readonly string[]) => readonly string[],
): void {
  const [first, ...others] = steps;
  describe(`from one firewall to another: ${steps.map(g => g.name).join(', ')}`, { skip: first.skip }, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.make(first);
      await scene.rules([...out, ...udp(5000), ...tcp(5002), ...tcp(8001)]);
      await scene.world.until('the rules stand', () => connects(scene.world, scene.near, v4(scene.server), 8001));
    });
    after(() => scene?.world[Symbol.asyncDispose]());

    for (const [i, guard] of others.entries()) {
      const old = steps[i]!;
      test(`${old.name} → ${guard.name}`, async t => {
        const { world, server, near, far } = scene;
        const at =
          (vm: Instance): Place =>
          argv =>
            world.spawn(vm, argv);
        const way = (from: Instance, to: Instance, address: string, port: number) => ({
          name: `${from.ns} → ${to.ns} ${address} ${port}`,
          from: at(from),
          to: at(to),
          address,
          port,
          // A switch in user space has no room for more beside other tests.
          bytes: 1000,
        });
        const flows = await Promise.all([
          startPackets(way(far, server, v4(server), 5000)),
          startPackets(way(server, far, v6(far), 5001)),
          startTransfer(way(far, server, v6(server), 5002)),
          startTransfer(way(server, near, v4(near), 5003)),
        ]);
        const denied = await Promise.all([
          startPackets(way(far, server, v4(server), 5005)),
          startPackets(way(near, server, v6(server), 5006)),
        ]);
        world.kill('h1');
        await world.agent('h1', guard.config);
        await world.active(server.port, near.port);
        await world.until(`nothing of ${old.name} is left`, async () => left(old, await old.lines(world)).length === 0);
        await endWithoutLoss(t, flows);
        for (const counted of await Promise.all(denied.map(d => d.end()))) {
          t.diagnostic(describePackets(counted));
          assert.equal(counted.missing.length, counted.sent, 'what is denied');
          assert.ok(counted.sent > 100);
        }
        for (const from of [near, far])
          for (const ip of [v4(server), v6(server)]) {
            assert.equal(await connects(world, from, ip, 8001), true, 'permitted');
            assert.equal(await connects(world, from, ip, 8002), false, 'denied');
          }
        await scene.rules([...out, ...udp(5000), ...tcp(5002)]);
        await world.until('a rule goes', async () => !(await connects(world, far, v4(server), 8001)));
        await scene.rules([...out, ...udp(5000), ...tcp(5002), ...tcp(8001)]);
        await world.until('and comes', () => connects(world, far, v4(server), 8001));
      });
    }
  });
}
