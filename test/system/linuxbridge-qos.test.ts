// QoS of Linux bridges: bandwidth both ways and DSCP as it is on the wire; what changes, what stays over restarts, and what is left when nobody wants it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules } from './attack-world.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox } from './need.ts';
import { assertLimited, bandwidth, bothWays, DscpWatch, listen, marking, Policy } from './qos-traffic.ts';

const config = { extensions: ['qos'] };

describe('QoS of Linux bridges', { skip: noSandbox() }, () => {
  let world: BridgeWorld;
  let limited: Instance;
  let near: Instance;
  let far: Instance;
  let gold: Policy;
  let dscp: DscpWatch;

  const table = async (): Promise<string> =>
    (await world.attempt('h1', 'nft', '-s', 'list', 'table', 'bridge', 'neutron-linuxbri-qos')).stdout;
  const qdisc = (vm: Instance): Promise<string> => world.on(vm.host, 'tc', 'qdisc', 'show', 'dev', tapOf(vm.port.id));
  const policy = async (port: FakePort, id: string | null): Promise<void> => {
    port.policy = id;
    await world.server.portUpdate(port);
  };

  before(async () => {
    world = await BridgeWorld.open(2);
    const open = world.server.group(1, anyRules);
    const network = world.server.network(1);
    const ports = [1, 2, 3].map(n => world.server.port(n, network, { groups: [open], host: n === 3 ? 'h2' : 'h1' }));
    limited = await world.instance('h1', ports[0]!);
    near = await world.instance('h1', ports[1]!);
    far = await world.instance('h2', ports[2]!);
    gold = new Policy(world.server, 1, [bandwidth('egress', 1000, 800), bandwidth('ingress', 2000), marking(26)]);
    await world.agent('h1', config);
    await world.agent('h2', config);
    await world.active(...ports);
    await listen(world, limited, near, far);
    dscp = await DscpWatch.open(world, far);
  });
  after(() => world?.[Symbol.asyncDispose]());

  test('bandwidth is limited in both directions, and that of nobody else', async () => {
    const free = await bothWays(world, limited, far);
    assert.equal(await table(), '');
    await policy(limited.port, gold.id);
    await world.until('a shaper', async () => /tbf .* rate 2Mbit/.test(await qdisc(limited)));
    assert.match(await table(), /limit rate over 125000 bytes\/second/);
    await assertLimited(world, { limited, near, far }, free);
  });

  test('packets carry the DSCP of the policy, and its change; those of another port have none', async () => {
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    assert.deepEqual(await dscp.of(near), [0, 0]);
    await gold.change(marking(10), bandwidth('ingress', 4000));
    await world.until('the new mark', async () => (await dscp.of(limited)).join() === '10,10');
    await world.until('the new shaper', async () => /tbf .* rate 4Mbit/.test(await qdisc(limited)));
    assert.doesNotMatch(await table(), /limit rate/);
  });

  test('while the agent is away limits stand; its next life touches nothing', async () => {
    await gold.change(bandwidth('egress', 1000), bandwidth('ingress', 3000, 2000), marking(26));
    await world.until('the shaper', async () => /tbf .* rate 3Mbit/.test(await qdisc(limited)));
    const before = { table: await table(), qdisc: await qdisc(limited) };
    world.kill('h1');
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    await world.agent('h1', config);
    // The handle of a qdisc that was put there anew is another one.
    assert.deepEqual({ table: await table(), qdisc: await qdisc(limited) }, before);
    assert.deepEqual(
      (await world.spawned('h1')).filter(c => c.startsWith('tc -force')),
      [],
    );
  });

  test("what Neutron's agent and an operator left: the one goes, the other stays", async () => {
    world.kill('h1');
    const tap = tapOf(limited.port.id);
    const rest = tap.slice(3, 9);
    const neutrons = [
      '*mangle',
      ':neutron-linuxbri-POSTROUTING - [0:0]',
      `:neutron-linuxbri-qos-o${rest} - [0:0]`,
      '-A POSTROUTING -j neutron-linuxbri-POSTROUTING',
      `-A neutron-linuxbri-POSTROUTING -m physdev --physdev-in ${tap} --physdev-is-bridged -j neutron-linuxbri-qos-o${rest}`,
      `-A neutron-linuxbri-qos-o${rest} -j DSCP --set-dscp 0x2e`,
      'COMMIT',
    ].join('\n');
    await world.on('h1', 'sh', '-c', `echo '${neutrons}' | iptables-restore --noflush`);
    await world.on('h1', 'tc', 'qdisc', 'replace', 'dev', tapOf(near.port.id), 'root', 'pfifo', 'limit', '50');
    assert.deepEqual((await dscp.of(limited))[0], 46);
    await world.agent('h1', config);
    assert.deepEqual(await dscp.of(limited), [26, 26]);
    assert.doesNotMatch(await world.on('h1', 'iptables-save', '-t', 'mangle'), /qos-o/);
    await policy(near.port, gold.id);
    await world.until('the log says so', async () => /somebody else's qdisc/.test(world.log('h1')));
    assert.match(await qdisc(near), /pfifo .* limit 50p/);
    await policy(near.port, null);
  });

  test('without a policy nothing is left of it', async () => {
    await policy(limited.port, null);
    await world.until('nothing is left', async () => (await table()) === '' && !(await qdisc(limited)).includes('tbf'));
    assert.deepEqual(await dscp.of(limited), [0, 0]);
    assert.match(await qdisc(near), /pfifo .* limit 50p/);
  });

  test('a port that comes anew has its limits at once; one that goes leaves nothing', async () => {
    await policy(limited.port, gold.id);
    await world.until('a shaper', async () => (await qdisc(limited)).includes('tbf'));
    await world.unplug(limited);
    await world.until('nothing is left', async () => (await table()) === '');
    limited.port.status = 'DOWN';
    await world.instance('h1', limited.port);
    await world.active(limited.port);
    assert.match(await qdisc(limited), /tbf .* rate 3Mbit/);
    assert.match(await table(), /limit rate over 125000/);
  });
});
