// Who hears what of security groups: agents of ours what changed, where it matters; Neutron's that something did, and everybody as long as there is one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Body, beat, type Harness, start, until } from './harness.ts';

let h: Harness;
let net: string;
let group: string;
const heard: { host: string; method: string; args: Body }[] = [];
const gone = new Set<unknown>();
const stack = new AsyncDisposableStack();

async function report(host: string, configurations: object): Promise<void> {
  const agent = { binary: 'neutron-linuxbridge-agent', host, topic: 'N/A', agent_type: 'Linux bridge agent', configurations };
  const time = new Date(Date.now() + 1000).toISOString().slice(0, 23);
  await h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state: agent }, time }, '1.2');
}

const ours = { tunneling_ip: '192.0.2.1', tunnel_types: ['vxlan'], l2_population: true, hears_of_groups: true };

before(async () => {
  h = await start();
  for (const host of ['h1', 'h2', 'h3']) {
    await beat(h, host);
    await report(host, ours);
    const note = (method: string) => (args: unknown) => void heard.push({ host, method, args: args as Body });
    const methods = Object.fromEntries(['security_groups_rule_updated', 'security_groups_member_updated'].map(m => [m, note(m)]));
    stack.use(
      await h.bus.serve({
        topic: 'q-agent-notifier-security_group-update',
        server: host,
        endpoints: [{ version: '1.1', methods }],
        agent: true,
      }),
    );
  }
  const port_delete = (args: Readonly<Record<string, unknown>>): void => void gone.add(args['port_id']);
  stack.use(
    await h.bus.serve({ topic: 'q-agent-notifier-port-delete', server: 'h1', endpoints: [{ version: '1.0', methods: { port_delete } }] }),
  );
  net = (await h.member.make('networks', 'network', {})).id;
  await h.member.make('subnets', 'subnet', { network_id: net, ip_version: 4, cidr: '10.1.0.0/24' });
  group = (await h.member.make('security-groups', 'security_group', { name: 'g' })).id;
  await h.member.make('security-group-rules', 'security_group_rule', {
    security_group_id: group,
    direction: 'ingress',
    remote_group_id: group,
  });
});
after(async () => {
  await stack.disposeAsync();
  await h[Symbol.asyncDispose]();
});

const port = (host: string, groups: readonly string[], more: object = {}): Promise<Body & { id: string }> =>
  h.admin.make('ports', 'port', {
    network_id: net,
    project_id: h.member.project,
    'binding:host_id': host,
    security_groups: groups,
    ...more,
  });

/** Facts are told in their order: when this one is, all before are. */
async function allTold(): Promise<void> {
  const { id } = await h.admin.make('ports', 'port', { network_id: net, port_security_enabled: false, security_groups: [] });
  await h.admin.request('DELETE', `ports/${id}`);
  await until('all that came before', async () => gone.has(id));
}

/** Of a method about the group, what each host heard last, once all is told. */
async function told(method: string, act: () => Promise<unknown>): Promise<Body> {
  await allTold();
  heard.length = 0;
  await act();
  await allTold();
  const about = heard.filter(x => x.method === `security_groups_${method}_updated` && (x.args.security_groups as string[]).includes(group));
  return Object.fromEntries(about.map(x => [x.host, x.args]));
}

test('a member is told, as it is, to hosts with ports of groups that name the group', async () => {
  await port('h1', [group]);
  let made: Body & { id: string };
  const first = await told('member', async () => {
    made = await port('h2', [group], { allowed_address_pairs: [{ ip_address: '10.9.0.0/16' }] });
  });
  assert.deepEqual(heard.map(x => x.host).sort(), ['h1', 'h2']);
  const [address] = made!.fixed_ips as { ip_address: string }[];
  assert.deepEqual(first.h1, {
    security_groups: [group],
    members: [
      {
        port_id: made!.id,
        security_groups: [group],
        revision: made!.revision_number,
        addresses: [address!.ip_address, ['10.9.0.0/16', made!.mac_address]],
      },
    ],
  });
  const last = await told('member', () => h.admin.request('DELETE', `ports/${made.id}`));
  assert.deepEqual(Object.keys(last), ['h1']);
  assert.deepEqual((last.h1 as Body).members, [{ port_id: made!.id, security_groups: [], revision: null, addresses: [] }]);
});

test('a host whose ports only name the group hears of its members, and one without such ports of nothing', async () => {
  const naming = (await h.member.make('security-groups', 'security_group', { name: 'naming' })).id;
  await h.member.make('security-group-rules', 'security_group_rule', {
    security_group_id: naming,
    direction: 'egress',
    remote_group_id: group,
  });
  const there = await port('h3', [naming]);
  const heardOf = await told('member', async () => h.admin.request('DELETE', `ports/${(await port('h2', [group])).id}`));
  assert.deepEqual(Object.keys(heardOf).sort(), ['h1', 'h2', 'h3']);
  await h.admin.request('DELETE', `ports/${there.id}`);
});

test('rules are told, as they are, to hosts with ports of the group', async () => {
  const heardOf = await told('rule', () =>
    h.member.make('security-group-rules', 'security_group_rule', { security_group_id: group, direction: 'ingress', protocol: 'icmp' }),
  );
  assert.deepEqual(
    heard.map(x => x.host),
    ['h1'],
  );
  const [{ id, revision, rules }] = (heardOf.h1 as Body).rules as [Body];
  const { security_group } = (await h.member.request('GET', `security-groups/${group}`)).body as { security_group: Body };
  assert.deepEqual([id, revision, (rules as Body[]).length], [group, security_group.revision_number, 4]);
  assert.ok((rules as Body[]).some(r => r.protocol === 'icmp'));
});

test('a port that a router takes is no member any more', async () => {
  const router = await h.member.make('routers', 'router', {});
  const taken = await port('h2', [group], { fixed_ips: [{ ip_address: '10.1.0.200' }] });
  const heardOf = await told('member', () => h.member.request('PUT', `routers/${router.id}/add_router_interface`, { port_id: taken.id }));
  const [member] = (heardOf.h1 as Body).members as [Body];
  assert.deepEqual([member.port_id, member.security_groups], [taken.id, []]);
  await h.member.request('PUT', `routers/${router.id}/remove_router_interface`, { port_id: taken.id });
});

test('an agent that asks so gets members by port, and not those that it knows', async () => {
  const { ports } = (await h.admin.request('GET', 'ports?binding:host_id=h1')).body as { ports: (Body & { id: string })[] };
  const [own] = ports;
  const devices = [`tap${own!.id.slice(0, 11)}`];
  const ask = (more: object) =>
    h.rpc('q-plugin', 'security_group_info_for_devices', { devices, call_version: '1.3', ...more }, '1.3') as Promise<Body>;
  const [address] = own!.fixed_ips as { ip_address: string }[];
  const byPort = await ask({ members_by_port: true });
  assert.deepEqual(
    [byPort.sg_member_ips, byPort.sg_member_ports],
    [{}, { [group]: { [own!.id]: [own!.revision_number, address!.ip_address] } }],
  );
  assert.deepEqual((await ask({ members_by_port: true, without_members: [group] })).sg_member_ports, {});
  const neutron = await ask({});
  assert.equal(neutron.sg_member_ports, undefined);
  assert.deepEqual(neutron.sg_member_ips, { [group]: { IPv4: [[address!.ip_address, own!.mac_address]], IPv6: [] } });
});

test('as long as there is an agent that has to be told with all others, all are told', async () => {
  await report('h3', { ...ours, hears_of_groups: undefined });
  const members = await told('member', () => port('h3', []).then(() => port('h2', [group])));
  assert.deepEqual(Object.keys(members).sort(), ['h1', 'h2', 'h3']);
  assert.equal((((members.h3 as Body).members ?? []) as unknown[]).length, 1);
  await report('h3', ours);
  const again = await told('member', () => port('h3', [group]));
  assert.deepEqual(Object.keys(again).sort(), ['h1', 'h2', 'h3']);
});
