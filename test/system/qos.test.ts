// QoS of a whole Weft: a policy that the API has is what an instance's packets are under, on either switch, and its change counts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body } from '../../src/client/api.ts';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { noSandbox, noSwitch } from './need.ts';
import { sinkArgv, sourceArgv } from './qos-traffic.ts';
import { type Instance, type Made, WeftWorld } from './weft-world.ts';

describe('QoS of a whole Weft on Linux bridges', { skip: noSandbox() }, () => whole('linuxbridge'));
describe('QoS of a whole Weft on Open vSwitch', { skip: noSandbox() || noSwitch() }, () => whole('openvswitch'));

function whole(kind: SwitchKind): void {
  let world: WeftWorld;
  let a: Instance;
  let b: Instance;
  let policy: Made;
  let egress: Made;

  before(async () => {
    world = await WeftWorld.open({ more: ['--switch', kind] });
    const network = await world.create(world.member, 'network', { name: 'blue' });
    await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' });
    const groups = (await world.member.get('/security-groups')) as { security_groups: Made[] };
    for (const { id } of groups.security_groups)
      await world.create(world.member, 'security_group_rule', { security_group_id: id, direction: 'ingress', ethertype: 'IPv4' });
    [a, b] = await Promise.all([world.instance({ name: 'a', network: network.id }), world.instance({ name: 'b', network: network.id })]);
    for (const vm of [a, b]) {
      const job = world.spawn(vm, sinkArgv);
      await world.until('it listens', () => job.output().includes('listening'));
    }
    policy = ((await world.admin.post('/qos/policies', { policy: { name: 'gold', shared: true } })) as { policy: Made }).policy;
  });
  after(() => world?.[Symbol.asyncDispose]());

  const rule = async (attributes: Body): Promise<Made> =>
    (
      (await world.admin.post(`/qos/policies/${policy.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: attributes })) as Record<
        string,
        Made
      >
    )['bandwidth_limit_rule'] as Made;
  const takes = async (from: Instance, to: Instance): Promise<number> => Number(await world.inside(from, ...sourceArgv(to.v4)));
  const slow = (ms: number, than: number): boolean => ms > 4 * than;

  test('what an instance sends and gets is limited by the policy of its port, and not without', async () => {
    const free = { out: await takes(a, b), in: await takes(b, a) };
    egress = await rule({ direction: 'egress', max_kbps: 1500 });
    await rule({ direction: 'ingress', max_kbps: 2000 });
    await world.member.put(`/ports/${a.port}`, { port: { qos_policy_id: policy.id } });
    await world.until('it is slower', async () => slow(await takes(a, b), free.out), 60_000);
    await world.until('in the other direction', async () => slow(await takes(b, a), free.in), 60_000);
    await world.admin.delete(`/qos/policies/${policy.id}/bandwidth_limit_rules/${egress.id}`);
    await world.until('it is fast again', async () => !slow(await takes(a, b), 4 * free.out), 60_000);
    assert.ok(slow(await takes(b, a), free.in));
    await world.member.put(`/ports/${a.port}`, { port: { qos_policy_id: null } });
    await world.until('it is fast in the other direction', async () => !slow(await takes(b, a), 4 * free.in), 60_000);
    const ports = (await world.member.get(`/ports?id=${a.port}`)) as { ports: (Made & { status: string })[] };
    assert.equal(ports.ports[0]?.status, 'ACTIVE');
  });

  test('the agent says that it has the extension', async () => {
    const { agents } = (await world.admin.get('/agents')) as {
      agents: { agent_type: string; configurations: { extensions?: string[] } }[];
    };
    const l2 = agents.filter(x => /bridge|vSwitch/.test(x.agent_type));
    assert.ok(l2.length > 0 && l2.every(x => x.configurations.extensions?.includes('qos')));
  });
}
