// What metering agents ask and are told: labels and rules of the routers on their host.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../src/contracts/bus.ts';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';

interface Told {
  readonly host: string;
  readonly method: string;
  readonly args: Readonly<Record<string, Json>>;
}

const methods = [
  ...['add_metering_label', 'remove_metering_label', 'add_metering_label_rule', 'remove_metering_label_rule'],
  ...['routers_updated', 'router_deleted'],
];

describe('metering agents', () => {
  let h: Harness;
  let external: Made;
  const told: Told[] = [];

  before(async () => {
    h = await start();
    for (const host of ['h1', 'h2']) {
      await beat(h, host);
      const note = (method: string) => (args: Told['args']) => {
        told.push({ host, method, args });
        return null;
      };
      const listening = Object.fromEntries(methods.map(m => [m, note(m)]));
      await h.bus.serve({ topic: 'metering_agent', server: host, endpoints: [{ version: '1.0', methods: listening }] });
    }
    external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
  });
  after(() => h[Symbol.asyncDispose]());

  const routersOf = ({ args }: Told): Body[] => args.routers as unknown as Body[];
  const labelsOf = (router: Body | undefined): Body[] => (router?._metering_labels ?? []) as Body[];
  const heard = (method: string, fits: (t: Told) => boolean): Promise<Told> =>
    until(method, async () => told.findLast(t => t.method === method && fits(t)));
  const names = (method: string, id: string) => heard(method, t => routersOf(t).some(r => labelsOf(r).some(l => l.id === id)));
  const sync = async (host?: string): Promise<Body[] | null> =>
    (await h.rpc('q-metering-plugin', 'get_sync_data_metering', host ? { host } : {})) as Body[] | null;
  const label = (more: Body): Promise<Made> => h.admin.make('metering/metering-labels', 'metering_label', more);
  const router = (more: Body = {}): Promise<Made> =>
    h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id }, ...more });
  const hostOf = async (r: Made): Promise<string> => String((await h.admin.list(`routers/${r.id}/l3-agents`))[0]?.host);

  test('labels and rules, as they come and go', async () => {
    assert.equal(await sync('h1'), null);
    assert.equal(await sync('nowhere'), null);
    const made = await router({ name: 'r1' });
    const host = await hostOf(made);
    const away = host === 'h1' ? 'h2' : 'h1';
    const others = await h.admin.make('routers', 'router', { project_id: 'someone', external_gateway_info: { network_id: external.id } });
    assert.deepEqual(await sync(host), []);
    const own = await label({ project_id: h.member.project, name: 'own' });
    const added = await names('add_metering_label', own.id);
    const empty = { id: own.id, name: 'own', shared: false, rules: [] };
    const now = (await h.member.request('GET', `routers/${made.id}`)).body.router as Body;
    const [gateway] = await h.admin.list(`ports?device_id=${made.id}&device_owner=network:router_gateway`);
    const dict = {
      ...{ id: made.id, name: 'r1', project_id: h.member.project, admin_state_up: true, status: now.status },
      ...{ gw_port_id: gateway?.id, distributed: false },
    };
    assert.deepEqual([added.host, routersOf(added)], [host, [{ ...dict, _metering_labels: [empty] }]]);
    const rule = await h.admin.make('metering/metering-label-rules', 'metering_label_rule', {
      ...{ metering_label_id: own.id, direction: 'ingress', remote_ip_prefix: '10.0.0.0/24' },
    });
    const { tenant_id: _tenant, project_id: _project, ...plain } = rule as Body;
    const ruled = await names('add_metering_label_rule', own.id);
    assert.deepEqual([ruled.host, labelsOf(routersOf(ruled)[0])], [host, [{ id: own.id, rule: plain }]]);
    assert.deepEqual(await sync(host), [{ ...dict, _metering_labels: [{ ...empty, rules: [plain] }] }]);
    assert.equal(plain.remote_ip_prefix, '10.0.0.0/24');
    // A shared label counts for every router; the older one is told with it.
    const shared = await label({ shared: true });
    await heard('add_metering_label', t => routersOf(t).some(r => r.id === others.id && labelsOf(r)[0]?.id === shared.id));
    const both = await heard('add_metering_label', t => routersOf(t).some(r => r.id === made.id && labelsOf(r).length === 2));
    assert.equal(both.host, host);
    assert.deepEqual((await sync())?.map(r => r.id).sort(), [made.id, others.id].sort());
    await h.admin.request('DELETE', `metering/metering-label-rules/${rule.id}`);
    const unruled = await names('remove_metering_label_rule', own.id);
    assert.deepEqual(labelsOf(routersOf(unruled)[0]), [{ id: own.id, rule: plain }]);
    const rest = await h.admin.make('metering/metering-label-rules', 'metering_label_rule', {
      ...{ metering_label_id: own.id, direction: 'egress', source_ip_prefix: '10.1.0.0/24' },
    });
    await names('add_metering_label_rule', own.id);
    await h.admin.request('DELETE', `metering/metering-labels/${own.id}`);
    const gone = await names('remove_metering_label', own.id);
    assert.deepEqual(
      (labelsOf(routersOf(gone)[0])[0]?.rules as Body[]).map(r => r.id),
      [rest.id],
    );
    assert.ok(!told.some(t => t.method === 'remove_metering_label_rule' && JSON.stringify(t.args).includes(rest.id)));
    assert.ok(!told.some(t => t.host === away && JSON.stringify(t.args).includes(own.id)));
    await h.admin.request('DELETE', `routers/${others.id}`);
    await h.member.request('DELETE', `routers/${made.id}`);
    await heard('router_deleted', t => t.args.router_id === made.id);
    await h.admin.request('DELETE', `metering/metering-labels/${shared.id}`);
  });

  test('a router that changes: its host hears of all that it has; one that is down is not counted', async () => {
    await label({ project_id: h.member.project });
    const first = await router();
    const host = await hostOf(first);
    const second = await router();
    const id = (await h.admin.list(`agents?host=${host}&agent_type=L3%20agent`))[0]?.id;
    if ((await hostOf(second)) !== host) {
      const [at] = await h.admin.list(`routers/${second.id}/l3-agents`);
      await h.admin.request('DELETE', `agents/${at?.id}/l3-routers/${second.id}`);
      await h.admin.request('POST', `agents/${id}/l3-routers`, { router_id: second.id });
    }
    await h.member.request('PUT', `routers/${second.id}`, { router: { name: 'new' } });
    const update = await heard('routers_updated', t => routersOf(t).some(r => r.name === 'new'));
    assert.deepEqual(
      [
        update.host,
        routersOf(update)
          .map(r => r.id)
          .sort(),
      ],
      [host, [first.id, second.id].sort()],
    );
    await h.member.request('PUT', `routers/${second.id}`, { router: { admin_state_up: false } });
    await heard('routers_updated', t => t.host === host && routersOf(t).length === 1 && routersOf(t)[0]?.id === first.id);
    await h.admin.request('DELETE', `agents/${id}/l3-routers/${first.id}`);
    await heard('routers_updated', t => t.host === host && routersOf(t).length === 0);
  });
});
