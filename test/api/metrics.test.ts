// `/metrics`: at its own address, the sum of all workers, and the cloud as openstack-exporter tells of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { freePort } from '../../src/contracts/free-port.ts';
import { type Api, client } from './client.ts';
import { databaseServer } from './database.ts';
import { until } from './harness.ts';
import { once, processesOf, replaced, type Service, startService } from './service.ts';

let service: Service;
let api: Api;
let token: string;
let metrics: string;

before(async () => {
  metrics = `127.0.0.1:${await freePort()}`;
  service = await startService(`api_workers = 2\nrpc_workers = 2\n[weft]\nmetrics_listen = ${metrics}`);
  token = await service.token();
  api = client(service.url, token);
});
after(() => service[Symbol.asyncDispose]());

/** Series by their name and labels. Fails on a line that Prometheus would not read. */
async function scrape(): Promise<Map<string, number>> {
  const { status, headers, text } = await once(`http://${metrics}/metrics`, {});
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  const series = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    if (/^# (?:HELP|TYPE) \w+ \S/.test(line)) continue;
    const match = /^(\w+(?:\{(?:\w+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (\S+)$/.exec(line);
    assert.ok(match, line);
    assert.ok(!series.has(match[1] as string), line);
    series.set(match[1] as string, Number(match[2]));
  }
  return series;
}

const fresh = (what: string, look: (series: Map<string, number>) => unknown): Promise<unknown> =>
  until(what, async () => Boolean(look(await scrape())), 30_000);

test('it is not served where the API is', async () => {
  assert.equal((await once(`${service.url}/metrics`, {})).status, 404);
  assert.equal((await once(`http://${metrics}/`, {})).status, 404);
});

test('requests are those of all workers, and their routes hold nothing that a client has put in', async () => {
  const name = 'weft_http_requests_total{method="GET",route="/v2.0/ports/{id}",status="404"}';
  const had = (await scrape()).get(name) ?? 0;
  let asked = 0;
  await until('both workers have answered', async () => {
    for (const end = asked + 20; asked < end; asked++)
      assert.equal((await once(`${service.url}/v2.0/ports/${token.slice(0, 30)}-${asked}`, { token })).status, 404);
    const logs = await Promise.all(['server-api-1', 'server-api-2'].map(log => service.logs(log)));
    return logs.every(text => /GET \/v2.0\/ports\//.test(text));
  });
  await once(`${service.url}/${token}`, { token });
  const now = await scrape();
  assert.equal((now.get(name) ?? 0) - had, asked);
  assert.equal(now.get('weft_http_request_duration_seconds_count{method="GET",route="/v2.0/ports/{id}"}'), now.get(name) ?? 0);
  assert.ok(now.has('weft_http_requests_total{method="GET",route="/{other}",status="404"}'));
  assert.deepEqual(
    [...now.keys()].filter(key => key.includes(token.slice(0, 20))),
    [],
  );
});

test('how long work waits for other work is told since the last scrape', async () => {
  const seconds = (series: ReadonlyMap<string, number>): number => Number(series.get('nodejs_eventloop_lag_max_seconds'));
  const [{ pid } = { pid: 0 }] = processesOf(await service.status(), 'api');
  await scrape();
  process.kill(pid, 'SIGSTOP');
  await new Promise(resolve => setTimeout(resolve, 1000));
  process.kill(pid, 'SIGCONT');
  await fresh('it is told', series => seconds(series) > 0.5);
  await fresh('it is over', series => seconds(series) < 0.5);
  assert.ok(Number((await scrape()).get('nodejs_eventloop_lag_p99_seconds')) >= 0);
});

test('counts do not fall while a worker does not answer', async () => {
  const name = 'weft_http_requests_total{method="GET",route="/v2.0/ports/{id}",status="404"}';
  const had = (await scrape()).get(name) ?? 0;
  assert.ok(had >= 20);
  // Each has some of them: whoever accepts is whoever is free.
  for (const { pid } of processesOf(await service.status(), 'api')) {
    process.kill(pid, 'SIGSTOP');
    const late = await scrape();
    process.kill(pid, 'SIGCONT');
    assert.equal(late.get(name), had);
  }
});

test('counts do not fall when a worker dies', async () => {
  const name = 'weft_http_requests_total{method="GET",route="/v2.0/ports/{id}",status="404"}';
  const had = (await scrape()).get(name) ?? 0;
  assert.ok(had >= 20);
  for (const old of processesOf(await service.status(), 'api')) {
    process.kill(old.pid, 'SIGKILL');
    await replaced(service, old);
  }
  const now = await scrape();
  assert.equal(now.get(name), had);
  assert.equal(now.get('weft_workers{role="api"}'), 2);
  assert.equal(now.get('weft_worker_restarts_total{role="api"}'), 2);
});

test('the cloud is told of by the names and labels of openstack-exporter', async () => {
  await using bus = await connectUnixBus(join(service.stateDir, 'bus.sock'), {
    clock: systemClock,
    log: textLog({ sink: { write: () => {} } }),
  });
  const agent = {
    agent_type: 'L3 agent',
    binary: 'neutron-l3-agent',
    topic: 'l3_agent',
    host: 'h1',
    configurations: {},
    availability_zone: 'nova',
  };
  const state = { agent_state: { agent_state: { ...agent, start_flag: true } }, time: new Date().toISOString().slice(0, 19) };
  assert.equal(await bus.call({ topic: 'q-reports-plugin', version: '1.2' }, 'report_state', state), 'new');
  const network = await api.make('networks', 'network', { name: 'a "net"' });
  await api.make('subnets', 'subnet', { network_id: network.id, name: 's', ip_version: 4, cidr: '10.9.0.0/29' });
  await api.make('ports', 'port', { network_id: network.id });
  const router = await api.make('routers', 'router', { name: 'r' });
  const { id } = (await api.list('agents'))[0] as { id: string };
  const added = await api.request('POST', `agents/${id}/l3-routers`, { router_id: router.id });
  assert.ok([201, 409].includes(added.status), JSON.stringify(added.body));
  const rows = [
    ['openstack_neutron_up', 1],
    [`openstack_neutron_agent_state{id="${id}",hostname="h1",service="neutron-l3-agent",adminState="up",availability_zone="nova"}`, 1],
    ['weft_agents{type="L3 agent",alive="true"}', 1],
    ['openstack_neutron_networks', (await api.listOnce('networks')).length],
    ['openstack_neutron_ports', (await api.listOnce('ports')).length],
    ['openstack_neutron_security_groups', (await api.listOnce('security-groups')).length],
    ['openstack_neutron_floating_ips', 0],
    ['openstack_neutron_ports_no_ips', 0],
    ['openstack_neutron_routers', 1],
    [
      `openstack_neutron_router{id="${router.id}",name="r",project_id="${router.project_id}",admin_state_up="true",status="ACTIVE",external_network_id=""}`,
      1,
    ],
    [
      `openstack_neutron_l3_agent_of_router{router_id="${router.id}",l3_agent_id="${id}",ha_state="",agent_alive="true",agent_admin_up="true",agent_host="h1"}`,
      1,
    ],
  ] as const;
  for (const [name, value] of rows) await fresh(`${name} ${value}`, series => series.get(name) === value);
  const labels = `network_id="${network.id}",network_name="a \\"net\\"",project_id="${network.project_id}",ip_version="4",cidr="10.9.0.0/29",subnet_name="s"`;
  await fresh('addresses', series => series.get(`openstack_neutron_network_ip_availabilities_total{${labels}}`) === 5);
  await fresh('used addresses', series => series.get(`openstack_neutron_network_ip_availabilities_used{${labels}}`) === 1);
  const now = await scrape();
  assert.ok((now.get('weft_decisions_total{outcome="committed"}') ?? 0) >= 4);
  assert.ok((now.get('weft_outbox_delivered_total{reader="agents"}') ?? 0) >= 1);
  assert.equal(typeof now.get('weft_outbox_lag_seconds{reader="agents"}'), 'number');
  const pool = ['open', 'idle', 'waiting'].map(what => now.get(`weft_store_pool_${what}`));
  if (await databaseServer()) assert.ok(Number(pool[0]) > 0 && Number(pool[1]) <= Number(pool[0]) && Number(pool[2]) >= 0, pool.join());
  else assert.deepEqual(pool, [undefined, undefined, undefined]);
});
