// Weft's agents in the place of Debian's, host by host, after its server took the place of a neutron-server, and while packets run: between
// two instances, through a floating IP, and out through the router; and the L3 agent's way back.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { type AuditedHost, auditHost } from '../../src/main/audit/host-audit.ts';
import type { Question } from '../../src/main/audit/program.ts';
import { run } from '../../src/main/sandbox/run.ts';
import { type Harness, start } from '../api/harness.ts';
import { databaseAt } from '../api/open-database.ts';
import { noSandbox } from '../system/need.ts';
import { endWithoutLoss, type Flow, startTransfer, type Transfer } from '../system/traffic.ts';
import { begin } from './import/run.ts';
import { noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';
import { type Asked, type Asking, Steps, startAnswering, startAsking, startAskingMetadata } from './rolling-traffic.ts';
import { fetched, floatingIpOf, floatingTo, type Layout, layOut, permit, pings, serving, webPort } from './weft-agents-networks.ts';
import { AgentsWorld, type Instance, type Kind, kinds, metadataSecret, novaPort } from './weft-agents-world.ts';

const missing = kinds.map(kind => `neutron-${kind}-agent`).filter(name => !existsSync(`/usr/bin/${name}`));
const skip = missing.length > 0 ? `no ${missing.join(', ')} here` : noSandbox() || noNeutronServer || noRabbit;
const patience = 180_000;
const auditProgram = join(import.meta.dirname, '../../src/main/audit/program.ts');
const novaProgram = join(import.meta.dirname, 'agents/programs/metadata.mjs');

/** The router is on the first host. In the order of their replacement: who asks for metadata after who answers. */
const agentsOf: Readonly<Record<string, readonly Kind[]>> = { h1: ['linuxbridge', 'metadata', 'dhcp', 'l3'], h2: ['linuxbridge', 'dhcp'] };
/** Of a floating IP that is made when all is replaced. */
const laterAddress = '172.24.4.50';
const ports = { answers: 5000, into: 5001, out: 5002 };

const theServer = "Weft's server takes the place of the neutron-server";
const replaced = "Weft's server and agents";
const comesAndGoes = 'a floating IP comes and goes';
/** Neutron's agent writes the router's rules anew when it starts, at first without translations: what is lost there is counted and not forbidden. */
const neutronsOwn = { control: "Neutron's L3 agent is started again", back: "Neutron's L3 agent takes the place of Weft's" };

describe("Weft's agents take over from Debian's", { skip, timeout: 580_000 }, () => {
  let folder: string;
  let w: AgentsWorld;
  let h: Harness;
  let all: Layout;
  let network: string;
  let one: Instance;
  let two: Instance;
  /** One on each host, made when all is replaced. */
  const fresh: Instance[] = [];
  const steps = new Steps();
  const answering: Asking[] = [];
  const asking: Asking[] = [];
  const transfers: Flow<Transfer>[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-rolling-'));
    w = await AgentsWorld.open();
    for (const { name } of w.hosts) for (const kind of agentsOf[name] ?? []) w.startDebian(name, kind);
    w.job(w.host('h1').sandbox.enter([process.execPath, novaProgram, String(novaPort), metadataSecret]));
  });
  after(async () => {
    await h?.[Symbol.asyncDispose]();
    await w?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const alive = async (): Promise<string[]> =>
    (await w.api.listOnce('agents')).map(a => `${a['host']} ${a['agent_type']} ${a.id} ${a['alive']}`).sort();
  const audit = async (name: string): ReturnType<typeof auditHost> => {
    const { sandbox } = w.host(name);
    const take = async () => {
      const question: Question = { take: { dhcp: '/run/neutron/dhcp', physical: [] } };
      const argv = [process.execPath, '--disable-warning=ExperimentalWarning', auditProgram];
      return JSON.parse(await run(sandbox.enter(argv), { input: JSON.stringify(question), timeoutMs: 60_000 }));
    };
    const get: AuditedHost['get'] = async path => {
      const { status, body } = await h.admin.request('GET', path.replace(/^\//, ''));
      assert.equal(status, 200, path);
      return body;
    };
    const nothing = () => Promise.reject(new Error('nothing is repaired here'));
    return await auditHost({ name, clock: systemClock, get, take, repair: nothing, resync: nothing });
  };
  /** How often Neutron's L3 agent has made the router what it should be. */
  const finished = (): number => w.log('h1', 'l3').split(`Finished a router update for ${all.router.id}`).length - 1;
  /** Numbers and names of the router's devices. */
  const routerDevices = async (): Promise<string[]> =>
    (await w.onHost('h1', 'ip', '-n', `qrouter-${all.router.id}`, '-o', 'link')).match(/^\d+: q[rg]-[^@:]+/gm) ?? [];
  const startNeutronsL3 = async (): Promise<void> => {
    const before = finished();
    await w.end('h1', 'l3');
    w.startDebian('h1', 'l3');
    await w.until('the router is done', () => finished() > before, patience);
  };
  const replace = async (host: string, kind: Kind): Promise<void> => {
    steps.begin(`Weft's ${kind} agent on ${host}`);
    const end = w.release(host, kind);
    // Instances ask for metadata at any time: its agent may be there twice, so that it is there always.
    if (kind !== 'metadata') await end();
    const before = w.syncs(host, kind);
    w.start(host, kind);
    await w.until(`${kind} of ${host} is in sync`, () => w.syncs(host, kind) > before, patience);
    if (kind === 'metadata') await end();
    const up = async (): Promise<boolean> => (await w.api.listOnce(`ports?network_id=${network}`)).every(p => p['status'] === 'ACTIVE');
    await w.until('every port is ACTIVE', up, patience);
  };

  test('two instances on a neutron-server with its own agents reach each other, and the world', async () => {
    await w.until('six agents', async () => (await alive()).filter(line => line.endsWith('true')).length === 6, patience);
    // What leaves an address scope is let back by a mark, which each agent numbers its own way.
    const scope = await w.api.make('address-scopes', 'address_scope', { name: 'inside', ip_version: 4 });
    const pool = { name: 'inside', address_scope_id: scope.id, prefixes: ['10.10.0.0/16'], default_prefixlen: 24 };
    const { id: subnetpool_id } = await w.api.make('subnetpools', 'subnetpool', pool);
    all = await layOut(w, { subnetpool_id });
    ({ one, two } = all);
    network = all.network.id;
    await w.until('one reaches two', () => pings(w, one, two.address), patience);
    await w.until('one reaches the outside', () => pings(w, one, '172.24.4.1'), patience);
    const floating = await floatingTo(w, all.outer, two);
    await permit(w, two, 'udp', ports.answers);
    await permit(w, two, 'tcp', ports.into);
    await permit(w, two, 'tcp', webPort);
    w.place(two)(serving('two'));
    await w.until('the floating IP leads in', async () => (await fetched(w, floating)) === 'two', patience);

    steps.begin('nothing is replaced');
    const { external_fixed_ips } = all.router['external_gateway_info'] as {
      readonly external_fixed_ips: readonly { ip_address: string }[];
    };
    const gateway = external_fixed_ips.map(({ ip_address }) => ip_address);
    answering.push(
      await startAnswering('seen from two', w.place(two), ports.answers, [one.address, '172.24.4.1']),
      await startAnswering('seen from outside', w.outside, ports.answers, [...gateway, laterAddress]),
    );
    asking.push(
      await startAsking({ name: 'one to two', from: w.place(one), address: two.address, port: ports.answers }),
      await startAsking({ name: 'in by the floating IP', from: w.outside, address: floating, port: ports.answers }),
      await startAsking({ name: 'out by the router', from: w.place(one), address: '172.24.4.1', port: ports.answers }),
      await startAskingMetadata(w.place(one), String(one.port['device_id']), one.address),
    );
    const transfer = { name: 'in by the floating IP', from: w.outside, to: w.place(two), address: floating, port: ports.into };
    transfers.push(
      await startTransfer(transfer),
      await startTransfer({ name: 'out by the router', from: w.place(one), to: w.outside, address: '172.24.4.1', port: ports.out }),
    );
  });

  test("Neutron's own L3 agent is started again, to compare with", async () => {
    steps.begin(neutronsOwn.control);
    await startNeutronsL3();
  });

  test("Weft's server takes the place of the neutron-server", async () => {
    const before = await alive();
    steps.begin(theServer);
    await w.neutron.down();
    const connection = `sqlite:///${join(folder, 'weft.db')}`;
    const imported = await begin(['--from', w.neutron.databaseUrl, '--connection', connection]).done;
    assert.equal(imported.status, 0, imported.text);
    const messaging = { transportUrl: transportUrlOf(w.rabbit), controlExchange: 'neutron', host: 'neutron-server', rabbit: {} };
    h = await start({ database: databaseAt(connection), messaging });
    w.api = h.admin;
    await w.until('the same agents report', async () => (await alive()).join() === before.join(), patience);
  });

  test('host by host its agents take the place of the others', async () => {
    const before = await alive();
    const devices = await routerDevices();
    for (const { name } of w.hosts) for (const kind of agentsOf[name] ?? []) await replace(name, kind);
    await w.until('the same agents are alive', async () => (await alive()).join() === before.join(), patience);
    steps.begin(replaced);
    assert.deepEqual(await routerDevices(), devices, 'they are the same ones');
    const asked = await w.inside(two, 'curl', '-s', '-m5', 'http://169.254.169.254/openstack');
    assert.equal(JSON.parse(asked.stdout).id, two.port['device_id']);
  });

  test('a new instance on each host gets its address, and what no rule permits any longer is denied', async () => {
    const group = await w.api.make('security-groups', 'security_group', { name: 'web' });
    const ping = { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp', remote_ip_prefix: '10.10.0.0/24' };
    const rule = await w.api.make('security-group-rules', 'security_group_rule', { security_group_id: group.id, ...ping });
    for (const { name } of w.hosts) fresh.push(await w.instance(name, network, { security_groups: [group.id] }));
    for (const to of fresh)
      for (const from of [one, two]) await w.until(`${from.host} reaches the new one on ${to.host}`, () => pings(w, from, to.address));
    assert.equal((await w.api.request('DELETE', `security-group-rules/${rule.id}`)).status, 204);
    for (const to of fresh)
      for (const from of [one, two]) await w.until(`${to.host} denies ${from.host}`, async () => !(await pings(w, from, to.address)));
    assert.ok(await pings(w, one, two.address), 'the group that permits it still does');
    for (const from of fresh) assert.ok(await pings(w, from, from.address), 'it lives');
  });

  test('a floating IP is made, moved to another instance, and deleted, while what its first instance began without it goes on', async () => {
    steps.begin(comesAndGoes);
    const [, other = assert.fail()] = fresh;
    await permit(w, other, 'tcp', webPort);
    w.place(one)(serving('one'));
    w.place(other)(serving('other'));
    const fip = await floatingIpOf(w, all.outer, one, { floating_ip_address: laterAddress });
    await w.until('it leads to one', async () => (await fetched(w, laterAddress)) === 'one');
    assert.equal((await w.api.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: other.port.id } })).status, 200);
    await w.until('it leads to the other', async () => (await fetched(w, laterAddress)) === 'other');
    assert.equal((await w.api.request('DELETE', `floatingips/${fip.id}`)).status, 204);
    await w.until('it leads nowhere', async () => (await fetched(w, laterAddress)) === '');
    steps.begin(replaced);
  });

  test('a port that was there before gets another address, and nothing of the former agents denies it', async () => {
    const more = '10.10.0.250';
    assert.equal((await w.inside(one, 'ip', 'address', 'add', `${more}/24`, 'dev', 'eth0')).code, 0);
    assert.equal(await pings(w, two, more), false);
    const pairs = [{ ip_address: more }];
    assert.equal((await w.api.request('PUT', `ports/${one.port.id}`, { port: { allowed_address_pairs: pairs } })).status, 200);
    await w.until('it is reached there', () => pings(w, two, more));
  });

  test('nothing on either host is other than the API says', async () => {
    for (const { name } of w.hosts) assert.deepEqual(await audit(name), []);
  });

  test("Neutron's L3 agent takes over from Weft's", async () => {
    steps.begin(neutronsOwn.back);
    await startNeutronsL3();
  });

  test('no packet was lost', async (t: TestContext) => {
    const ended: Asked[] = [];
    // Who answers goes on until nobody asks.
    for (const all of [asking, answering]) ended.push(...(await Promise.all(all.map(each => each.end()))).flat());
    for (const { name, count, slowest } of ended) t.diagnostic(`${name}: ${count}, the slowest answer took ${slowest} ms`);
    for (const line of steps.describe(ended)) t.diagnostic(line);
    await endWithoutLoss(t, transfers);
    for (const { name, count } of ended) assert.ok(count > 100, `${name}: ${count}`);
    const ours = steps.losses(ended).filter(({ step }) => !Object.values(neutronsOwn).includes(step));
    const inherent = (step: string, series: string): boolean =>
      // Nobody says who an instance is while there is no server.
      (step === theServer && series === 'metadata') ||
      // An answer on its way to an address that is taken away.
      (step === comesAndGoes && series === 'out by the router, a new flow each');
    const lost = ours.filter(({ step, series, lost: some }) => some.length > 0 && !inherent(step, series));
    assert.deepEqual(
      lost.map(({ step, series, lost: some }) => `${step}: ${some.length} of ${series}`),
      [],
    );
  });
});
