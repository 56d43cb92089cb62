// Agents that log packets: which ports and rules they are told of, whose packets a log never has, and when they look again.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../src/contracts/bus.ts';
import { RemoteError } from '../../src/contracts/bus.ts';
import type { Api, Body, Made } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';

interface LogInfo {
  readonly id: string;
  readonly event: string;
  readonly project_id: string;
  readonly ports_log: readonly { readonly port_id: string; readonly security_group_rules: readonly Body[] }[];
}

describe('agents that log packets', () => {
  let h: Harness;
  let net: Made;
  const pushed: { readonly event: string; readonly id: string }[] = [];

  before(async () => {
    h = await start({ quotas: { port: -1, security_group: -1 } });
    await beat(h, 'h1');
    const push = (args: Readonly<Record<string, Json>>): null => {
      for (const object of args.resource_list as unknown as Body[])
        pushed.push({ event: String(args.event_type), id: String((object['versioned_object.data'] as Body).id) });
      return null;
    };
    await h.bus.serve({ topic: 'neutron-vo-Log-1.0', server: 'h1', endpoints: [{ version: '1.1', methods: { push } }] });
    net = await h.admin.make('networks', 'network', { shared: true });
    await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.60.0.0/24', enable_dhcp: false });
  });
  after(() => h[Symbol.asyncDispose]());

  const call = (method: string, args: Body, namespace = 'logging-plugin') =>
    h.bus.call({ topic: 'logging-plugin', version: '1.1', namespace }, method, args, { timeoutMs: 10_000 });
  const forPort = async (port: Made): Promise<LogInfo[]> =>
    (await call('get_sg_log_info_for_port', { resource_type: 'security_group', port_id: port.id })) as unknown as LogInfo[];
  const forLogs = async (...logs: Made[]): Promise<LogInfo[]> =>
    (await call('get_sg_log_info_for_log_resources', { resource_type: 'security_group', log_resources: logs })) as unknown as LogInfo[];
  const makeLog = (more: Body): Promise<Made> => h.admin.make('log/logs', 'log', { resource_type: 'security_group', ...more });
  const ports = (info: LogInfo | undefined): string[] => (info?.ports_log ?? []).map(p => p.port_id).sort();

  const newPort = (owner: Api, more: Body = {}): Promise<Made> =>
    h.admin.make('ports', 'port', { network_id: net.id, project_id: owner.project, ...more });
  async function up(...made: Made[]): Promise<void> {
    for (const { id } of made) {
      await h.admin.request('PUT', `ports/${id}`, { port: { 'binding:host_id': 'h1', device_owner: 'compute:nova', device_id: 'vm' } });
      await h.rpc('q-plugin', 'update_device_up', { device: `tap${id.slice(0, 11)}`, agent_id: 'lb', host: 'h1' }, '1.9');
      await until('ACTIVE', async () => (await h.admin.list(`ports?id=${id}`))[0]?.status === 'ACTIVE');
    }
  }
  const group = async (owner: Api, rules: readonly Body[] = []): Promise<Made> => {
    const made = await owner.make('security-groups', 'security_group', { name: randomUUID() });
    for (const rule of rules) await owner.make('security-group-rules', 'security_group_rule', { security_group_id: made.id, ...rule });
    return made;
  };

  test('of a port, a group, both, a project: the ports that are up, with the rules that their packets pass by', async () => {
    const web = await group(h.member, [
      { direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 81, remote_ip_prefix: '10.9.0.0/16' },
    ]);
    const plain = await group(h.member);
    const first = await newPort(h.member, { security_groups: [web.id, plain.id] });
    const second = await newPort(h.member, { security_groups: [plain.id] });
    const idle = await h.member.make('ports', 'port', { network_id: net.id, security_groups: [web.id] });
    const own = { project_id: h.member.project };
    const byGroup = await makeLog({ ...own, resource_id: web.id, event: 'DROP' });
    const byPort = await makeLog({ ...own, target_id: second.id });
    const byBoth = await makeLog({ ...own, resource_id: plain.id, target_id: first.id });
    const all = await makeLog(own);
    assert.deepEqual(ports((await forLogs(all))[0]), []);
    await up(first, second);
    const infos = new Map((await forLogs(byGroup, byPort, byBoth, all)).map(i => [i.id, i]));
    assert.deepEqual(
      [byGroup, byPort, byBoth].map(l => ports(infos.get(l.id))),
      [[first.id], [second.id], [first.id]],
    );
    assert.deepEqual(ports(infos.get(all.id)), [first.id, second.id].sort());
    const ofWeb = infos.get(byGroup.id);
    assert.deepEqual([ofWeb?.event, ofWeb?.project_id], ['DROP', h.member.project]);
    assert.deepEqual(
      ofWeb?.ports_log[0]?.security_group_rules.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
      [
        { direction: 'egress', ethertype: 'IPv4', security_group_id: web.id },
        { direction: 'egress', ethertype: 'IPv6', security_group_id: web.id },
        {
          ...{ direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 81 },
          ...{ source_ip_prefix: '10.9.0.0/16', security_group_id: web.id },
        },
      ],
    );
    const ids = async (port: Made): Promise<string[]> => (await forPort(port)).map(i => i.id).sort();
    assert.deepEqual(await ids(first), [byGroup.id, byBoth.id, all.id].sort());
    assert.deepEqual(await ids(second), [byPort.id, all.id].sort());
    // A port that an agent has just found is not up yet.
    assert.deepEqual(await ids(idle), [byGroup.id, all.id].sort());
    await h.admin.request('PUT', `log/logs/${all.id}`, { log: { enabled: false } });
    assert.deepEqual([await ids(second), await forLogs(all)], [[byPort.id], []]);
    const envelope = {
      'versioned_object.name': 'Log',
      'versioned_object.data': { id: byPort.id, project_id: 'forged', target_id: first.id },
    };
    const [told] = (await call('get_sg_log_info_for_log_resources', { log_resources: [envelope] })) as unknown as LogInfo[];
    assert.deepEqual([told?.project_id, ports(told)], [h.member.project, [second.id]]);
    assert.deepEqual(await call('get_sg_log_info_for_port', { port_id: randomUUID() }), []);
    await assert.rejects(call('get_sg_log_info_for_port', { resource_type: 'router', port_id: first.id }), RemoteError);
  });

  test('N 2a0b2c1dac: a log has no packets of other projects, whatever groups they share', async () => {
    const shared = await group(h.member);
    await h.member.make('rbac-policies', 'rbac_policy', {
      ...{ object_type: 'security_group', object_id: shared.id, action: 'access_as_shared', target_tenant: h.other.project },
    });
    const mine = await newPort(h.member, { security_groups: [shared.id] });
    const theirs = await newPort(h.other, { security_groups: [shared.id] });
    const byGroup = await makeLog({ project_id: h.member.project, resource_id: shared.id });
    const everything = await makeLog({ project_id: h.member.project });
    // What an administrator names is meant.
    const named = await makeLog({ target_id: theirs.id });
    await up(mine, theirs);
    for (const info of await forLogs(byGroup, everything)) {
      assert.ok(ports(info).includes(mine.id));
      assert.ok(!ports(info).includes(theirs.id));
    }
    assert.deepEqual(ports((await forLogs(named))[0]), [theirs.id]);
    assert.deepEqual(
      (await forPort(theirs)).map(i => i.id),
      [named.id],
    );
    await h.admin.request('DELETE', `log/logs/${named.id}`);
  });

  test('rules that change, and addresses that rules name: the agents look again', async () => {
    const addresses = await h.member.make('address-groups', 'address_group', { addresses: ['10.1.0.0/24', 'fd00::/64'] });
    const made = await group(h.member);
    const port = await newPort(h.member, { security_groups: [made.id] });
    const aside = await makeLog({ project_id: h.member.project, resource_id: (await group(h.member)).id });
    const log = await makeLog({ project_id: h.member.project, target_id: port.id });
    await up(port);
    const updates = () => pushed.filter(p => p.event === 'updated' && p.id === log.id).length;
    await until('created', async () => pushed.some(p => p.event === 'created' && p.id === log.id));
    assert.equal(updates(), 0);
    const rule = await h.member.make('security-group-rules', 'security_group_rule', {
      ...{ security_group_id: made.id, direction: 'ingress', remote_address_group_id: addresses.id },
    });
    await until('a new rule', async () => updates() === 1);
    const prefixes = async (): Promise<unknown[]> =>
      (await forLogs(log))[0]!.ports_log[0]!.security_group_rules.filter(r => r.direction === 'ingress').map(r => r.source_ip_prefix);
    assert.deepEqual(await prefixes(), ['10.1.0.0/24']);
    await h.member.request('PUT', `address-groups/${addresses.id}/add_addresses`, { addresses: ['10.2.0.0/24'] });
    await until('a new address', async () => updates() === 2);
    assert.deepEqual(await prefixes(), ['10.1.0.0/24', '10.2.0.0/24']);
    await h.member.request('DELETE', `security-group-rules/${rule.id}`);
    await until('a rule that goes', async () => updates() === 3);
    assert.ok(!pushed.some(p => p.event === 'updated' && p.id === aside.id));
  });

  test('ports of hosts that log nothing are refused', async () => {
    const port = await newPort(h.member);
    await up(port);
    const log = { resource_type: 'security_group', target_id: port.id };
    assert.deepEqual((await h.admin.refused('POST', 'log/logs', { log })).slice(0, 2), [409, 'LoggingTypeNotSupported']);
  });
});
