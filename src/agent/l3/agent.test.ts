// The agent on a simulated host: one bad router holds up no other, statuses, messages, daemons.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuid } from './fake-server.suite.ts';
import { fip, HOST, inside, log, NETNS, other, outside, picture, R1, R2, settle, states, world } from './sim-world.suite.ts';

test('HA and distributed routers are left alone, and that is said', async () => {
  await using w = await world();
  w.server.set({ id: R1, interfaces: [inside], more: { ha: true } }, { id: R2, interfaces: [other], more: { distributed: true } });
  await w.host.links.addNamespace(NETNS);
  log.lines.length = 0;
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  assert.deepEqual(
    (await w.host.links.list(NETNS)).map(l => l.name),
    ['lo'],
  );
  assert.equal(log.lines.filter(l => /HA routers are not supported|distributed routers are not supported/.test(l)).length, 2);
});

test('a router that fails is tried again and holds up no other', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.host.iptables.failNext('restore', { name: NETNS, times: 3 });
  await w.start();
  assert.match(JSON.stringify(await w.host.links.list(`qrouter-${R2}`)), /10\.2\.0\.1/);
  // Fails closed: without its filter no device was made.
  assert.deepEqual(
    (await w.host.links.list(NETNS)).map(l => l.name),
    ['lo'],
  );
  await w.clock.advance(30_000);
  await settle();
  assert.match(JSON.stringify(await w.host.links.list(NETNS)), /203\.0\.113\.67/);
});

test('a router whose radvd or proxy does not start still forwards, and so do the others', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.host.processes.failNext('ensure', { name: `radvd-${R1}`, times: 2 });
  await w.start();
  assert.match(JSON.stringify(await w.host.links.list(NETNS)), /203\.0\.113\.67/);
  const radvd = (): boolean => [...w.host.processes.table.values()].some(p => p.argv[0] === 'radvd');
  assert.equal(radvd(), false);
  await w.clock.advance(10_000);
  await settle();
  assert.equal(radvd(), true);
});

test('a route that the kernel refuses costs only that route, an address of the gateway its floating IPs', async () => {
  await using w = await world();
  const id = uuid('fip', 1);
  w.server.set({ ...states['extra routes']![0]!, floating: [fip('10.1.0.11')] });
  w.host.links.failNext('replace-route', { times: 4, name: `qr-${inside.id.slice(0, 11)}` });
  await w.start();
  assert.deepEqual(w.server.statuses.at(-1)?.statuses, { [id]: 'ACTIVE' });
  assert.doesNotMatch(JSON.stringify(await w.host.links.routes(NETNS, 4)), /192\.0\.2\.0/);
  await w.clock.advance(60_000);
  await settle();
  assert.match(JSON.stringify(await w.host.links.routes(NETNS, 4)), /192\.0\.2\.0/);
  await using other = await world();
  other.server.set(...states['floating IP']!);
  other.host.links.failNext('add-address', { times: 8, name: `qg-${outside.id.slice(0, 11)}` });
  await other.start();
  assert.deepEqual(other.server.statuses.at(-1)?.statuses, { [id]: 'ERROR' });
  await other.clock.advance(60_000);
  await settle();
  assert.deepEqual(other.server.statuses.at(-1)?.statuses, { [id]: 'ACTIVE' });
});

test('without IPv6 in the kernel, routers forward IPv4', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  w.host.files.withoutSysctl('net.ipv6.conf.all.forwarding');
  await w.start();
  const seen = JSON.stringify(await picture(w.host));
  assert.match(seen, /203\.0\.113\.67/);
  assert.doesNotMatch(JSON.stringify(await w.host.links.list(NETNS)), /2001:db8/);
});

test('a namespace that somebody else deleted is made anew, with daemons that live in it', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  const pids = [...w.host.processes.table.keys()];
  await w.host.links.delNamespace(NETNS);
  await settle();
  assert.deepEqual(await picture(w.host), before);
  assert.equal(
    [...w.host.processes.table.keys()].some(pid => pids.includes(pid)),
    false,
  );
});

test('one router that the server cannot describe does not hide the others', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.server.broken.add(R1);
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [`qrouter-${R2}`]);
  w.server.broken.clear();
  await w.clock.advance(31_000);
  await settle();
  assert.deepEqual((await w.host.links.namespaces()).toSorted(), [NETNS, `qrouter-${R2}`].toSorted());
});

test('a router that cannot be read any more stays as it was', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  w.server.set({ id: R1, interfaces: [inside], gateway: { ...outside, mac: 'nonsense' } });
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(await picture(w.host), before);
});

test('floating IPs: reported when they work, when they go, and when they fail', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  const id = uuid('fip', 1);
  assert.deepEqual(w.server.statuses, [{ router: R1, statuses: { [id]: 'ACTIVE' } }]);
  // The server knows it now: nothing to say.
  w.server.set({ ...states['floating IP']![0]!, floating: [fip('10.1.0.11', 'ACTIVE')] });
  await w.server.updated(R1);
  await settle();
  assert.equal(w.server.statuses.length, 1);
  w.server.set(...states['gateway']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'DOWN' } });
  w.host.iptables.failNext('restore', { name: NETNS });
  w.server.set(...states['floating IP']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'ERROR' } });
  await w.clock.advance(5000);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'ACTIVE' } });
  w.server.set();
  await w.server.deleted(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'DOWN' } });
});

test('a status is kept until the server takes it', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  w.server.set(...states['floating IP']!);
  const broken = w.server.statuses.length;
  await w.server.updated(R1);
  w.server.unwell = true;
  await settle();
  w.server.unwell = false;
  await w.clock.advance(40_000);
  await settle();
  assert.equal(w.server.statuses.length, broken + 1);
});

test('a floating IP that moves or goes ends the flows of the old one, and of no other', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  const flows = [
    { family: 4, protocol: 'tcp', src: '198.51.100.9', dst: '203.0.113.55', replySrc: '10.1.0.11' },
    { family: 4, protocol: 'tcp', src: '10.1.0.11', dst: '198.51.100.9', replyDst: '203.0.113.55' },
    { family: 4, protocol: 'tcp', src: '10.1.0.11', dst: '198.51.100.9', replyDst: '203.0.113.67' },
    { family: 4, protocol: 'tcp', src: '10.1.0.11', dst: '10.2.0.22' },
    { family: 4, protocol: 'tcp', src: '10.2.0.22', dst: '198.51.100.9' },
  ] as const;
  for (const flow of flows) w.host.conntrack.track(NETNS, flow);
  await w.server.updated(R1);
  await settle();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 5);
  w.server.set(...states['floating IP elsewhere']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(
    (await w.host.conntrack.list(NETNS, 4)).map(f => `${f.src} ${f.dst} ${f.replyDst}`),
    ['10.1.0.11 198.51.100.9 203.0.113.67', '10.1.0.11 10.2.0.22 undefined', '10.2.0.22 198.51.100.9 undefined'],
  );
});

test('flows that could not be ended are ended by the next attempt, and by the next agent', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  const first = await w.start();
  w.host.conntrack.track(NETNS, { family: 4, protocol: 'tcp', src: '198.51.100.9', dst: '203.0.113.55', replySrc: '10.1.0.11' });
  w.host.conntrack.failNext('flush');
  w.server.set(...states['gateway']!);
  await w.server.updated(R1);
  await settle();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 1);
  assert.doesNotMatch(await w.host.iptables.save(NETNS, 4), /-A neutron-l3-agent-PREROUTING -d 203/);
  await first[Symbol.asyncDispose]();
  await w.start();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 0);
  assert.doesNotMatch(await w.host.iptables.save(NETNS, 4), /203\.0\.113\.55/);
});

test('a changed advertisement is a reload of radvd, not a restart', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const radvd = () => [...w.host.processes.table.values()].find(p => p.argv[0] === 'radvd');
  const pid = radvd()?.pid;
  w.server.set({ id: R1, gateway: outside, interfaces: [{ ...inside, mtu: 1280 }, other] });
  await w.server.updated(R1);
  await settle();
  assert.equal(radvd()?.pid, pid);
  assert.deepEqual(radvd()?.signals, ['SIGHUP']);
});

test('radvd and the proxy are started again when they die', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  for (const p of [...w.host.processes.table.values()]) w.host.processes.kill(p.pid);
  await w.clock.advance(2500);
  await settle();
  assert.deepEqual([...w.host.processes.table.values()].map(p => p.argv[0]).sort(), ['haproxy', 'radvd']);
});

test('when the L2 agent plugs a device, its addresses are announced and radvd says its piece again', async () => {
  await using w = await world();
  w.server.set(...states['internal only']!);
  await w.start();
  const before = w.host.links.announced.length;
  await w.host.links.apply('', [
    { do: 'add-link', link: { kind: 'bridge', name: 'brq1' } },
    { do: 'set-link', name: `tap${inside.id.slice(0, 11)}`, master: 'brq1' },
  ]);
  await settle();
  assert.deepEqual(
    w.host.links.announced.slice(before).map(a => a.ip),
    ['10.1.0.1', '2001:db8:1::1'],
  );
  assert.deepEqual([...w.host.processes.table.values()].find(p => p.argv[0] === 'radvd')?.signals, ['SIGHUP']);
});

test('a device that somebody else deleted comes back', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  await w.host.links.apply('', [{ do: 'del-link', name: `tap${outside.id.slice(0, 11)}` }]);
  await settle();
  assert.deepEqual(await picture(w.host), before);
});

test('messages: removal, addition as a call, disabling, another MTU, and a port forwarding', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  await w.start();
  const all = new Map(w.server.routers);
  w.server.routers.delete(R1);
  await w.bus.cast({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'router_removed_from_agent', { payload: { router_id: R1 } });
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), [`qrouter-${R2}`]);
  for (const [id, dict] of all) w.server.routers.set(id, dict);
  assert.equal(await w.bus.call({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'router_added_to_agent', { payload: [R1] }), null);
  await settle();
  assert.equal((await w.host.links.namespaces()).length, 2);
  const syncs = w.server.count('sync_routers');
  const network = (mtu: number) =>
    w.bus.cast({ topic: 'q-agent-notifier-network-update', fanout: true, version: '1.4' }, 'network_update', {
      network: { id: inside.network, mtu },
    });
  await network(1450);
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs);
  await network(1400);
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs + 1);
  const forwarding = {
    'versioned_object.name': 'PortForwarding',
    'versioned_object.version': '1.3',
    'versioned_object.data': { router_id: R1 },
  };
  await w.bus.cast({ topic: 'neutron-vo-PortForwarding-1.3', fanout: true, version: '1.1' }, 'push', {
    resource_list: [forwarding],
    event_type: 'created',
  });
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs + 2);
  w.server.set();
  await w.bus.cast({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'agent_updated', { payload: { admin_state_up: false } });
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), []);
});

test('a router of another agent costs no question', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const syncs = w.server.count('sync_routers');
  await w.server.deleted(uuid('rou', 77));
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs);
});

test('without handle_internal_only_routers, a router needs a gateway', async () => {
  await using w = await world({ handleInternalOnlyRouters: false });
  w.server.set({ id: R1, interfaces: [inside], gateway: outside }, { id: R2, interfaces: [other] });
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  w.server.set({ id: R1, interfaces: [inside] });
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), []);
});

test('the report is that of a legacy L3 agent', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  await w.clock.advance(31_000);
  await settle();
  const { uuid: _, ...report } = w.server.reports.at(-1)!;
  assert.deepEqual(report, {
    binary: 'neutron-l3-agent',
    host: HOST,
    availability_zone: 'nova',
    topic: 'l3_agent',
    agent_type: 'L3 agent',
    configurations: {
      agent_mode: 'legacy',
      handle_internal_only_routers: true,
      interface_driver: 'linuxbridge',
      log_agent_heartbeats: false,
      extensions: ['port_forwarding', 'conntrack_helper'],
      routers: 1,
      ex_gw_ports: 1,
      interfaces: 2,
      floating_ips: 1,
    },
  });
});
