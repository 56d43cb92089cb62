// Security groups of Linux bridges.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules } from './attack-world.ts';
import { iptables } from './guards.ts';
import { pings } from './linuxbridge-traffic.ts';
import { type Scene, securityGroups, v4, v6 } from './security-groups.suite.ts';

securityGroups(iptables, its => {
  test('a tap that somebody plugs into the bridge first (as libvirt does) says and hears nothing before its filters stand', () =>
    early(its()));
});

async function early(scene: Scene): Promise<void> {
  const { world, server, near } = scene;
  await scene.rules(anyRules);
  world.server.failing.add('get_devices_details_list');
  const bridge = `brq${server.port.network.slice(0, 11)}`;
  const early = await world.instance('h1', scene.port(8, [world.server.group(8, anyRules)]));
  await world.on('h1', 'ip', 'link', 'set', tapOf(early.port.id), 'master', bridge, 'up');
  // Another's bridge with the ageing that OSSA-2019-004 was about.
  await world.on('h1', 'ip', 'link', 'set', bridge, 'type', 'bridge', 'ageing_time', '0');
  assert.equal(await pings(world, early, v4(near)), false);
  assert.equal(await pings(world, near, v4(early)), false);
  assert.equal(await pings(world, near, v4(server)), true, 'the others go on');
  world.server.failing.clear();
  await world.active(early.port);
  // ARP that went unanswered is asked again within a second or so.
  await world.until('it is heard', () => pings(world, early, v4(near)));
  await world.until('it is heard over IPv6', () => pings(world, near, v6(early)));
  world.kill('h1');
  await world.agent('h1', scene.guard.config);
  assert.match(await world.on('h1', 'ip', '-d', 'link', 'show', bridge), /ageing_time 30000 .*mcast_snooping 0/);
  await world.unplug(early);
}
