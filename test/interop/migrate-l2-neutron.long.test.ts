// A host whose L2 agents are Neutron's own (Debian's) goes from Linux bridge to Open vSwitch under numbered packets, and back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { describePackets, describeTransfer, startPackets, startTransfer } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { publicGateway } from './agents/lab.ts';
import { noAgents, patience } from './agents/needs.ts';
import { ask, serve } from './agents/traffic.ts';
import { MigrateWorld, moved } from './migrate-world.ts';

describe("a host with Neutron's agents moves", { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let m: MigrateWorld;
  let here: Instance;
  let there: Instance;
  let provider: Instance;

  before(async () => {
    m = await MigrateWorld.open((host, agent) => host !== moved || (agent !== 'linuxbridge' && agent !== 'openvswitch'));
    const { server } = m.world;
    const group = await server.make('security-groups', 'security_group', { name: 'open at 5000 to 5099' });
    const rule = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', port_range_min: 5000, port_range_max: 5099 };
    for (const protocol of ['udp', 'tcp']) await server.make('security-group-rules', 'security_group_rule', { ...rule, protocol });
    const icmp = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' };
    await server.make('security-group-rules', 'security_group_rule', icmp);
    const guarded = { security_groups: [group.id] };
    here = await m.instance(moved, m.net.id, guarded);
    there = await m.instance('lb2', m.net.id, guarded);
    provider = await m.instance(moved, m.external.id, guarded);
    await m.world.active(here.port.id, there.port.id, provider.port.id);
    for (const vm of [here, there]) await m.address(vm, '10.9.0.1');
    await m.address(provider, publicGateway);
    await m.checksums();
    await m.world.reaches(there, here.address);
    await m.world.reaches(provider, publicGateway);
    for (const port of [5090, 5100]) await serve(m.world, here, port);
  });
  after(() => m?.[Symbol.asyncDispose]());

  const denied = async (): Promise<void> => {
    assert.equal(await ask(m.world, there, here.address, 5090), `${here.ns} ${there.address}`);
    assert.equal(await ask(m.world, there, here.address, 5100), undefined);
  };
  const vifTypes = async (): Promise<unknown> => [
    ...new Set((await m.world.server.list(`ports?binding:host_id=${moved}`)).map(p => p['binding:vif_type'])),
  ];

  for (const [words, vif, most] of [
    ['--yes', 'ovs', 1000],
    ['--rollback', 'bridge', 6000],
  ] as const)
    test(`${words}: what is missing is together, connections go on, and groups deny what they denied`, async t => {
      await denied();
      const way = (name: string, from: Instance, to: Instance, port: number) => ({
        name,
        from: m.place(from),
        to: m.place(to),
        address: to.address,
        port,
      });
      const flows = [
        await startPackets(way('here → Linux bridge', here, there, 5000)),
        await startPackets(way('Linux bridge → here', there, here, 5001)),
        await startPackets({ name: 'flat network → public', from: m.place(provider), to: m.outside, address: publicGateway, port: 5002 }),
      ];
      const transfer = await startTransfer(way('TCP Linux bridge → here', there, here, 5003));
      await sleep(1000);
      const { code, stdout, stderr } = await m.migrate(words);
      for (const line of `${stdout}${stderr}`.split('\n').slice(-14)) t.diagnostic(line);
      assert.equal(code, 0, `${stdout}${stderr}\n${m.world.agents.story()}`);
      await sleep(3000);
      for (const counted of await Promise.all(flows.map(flow => flow.end()))) {
        t.diagnostic(describePackets(counted));
        assert.ok(counted.missing.length <= most * patience, describePackets(counted));
        assert.ok(
          counted.missing.every(n => n < counted.sent - 100),
          describePackets(counted),
        );
      }
      const sent = await transfer.end();
      t.diagnostic(describeTransfer(sent));
      assert.ok(sent.intact, describeTransfer(sent));
      assert.deepEqual(await vifTypes(), [vif]);
      await denied();
    });
});
