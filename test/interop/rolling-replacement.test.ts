// Weft's agents in the place of Debian's, host by host, after its server took the place of a neutron-server, and while packets run.
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
import { describePackets, type Flow, type Packets, startPackets } from '../system/traffic.ts';
import { begin } from './import/run.ts';
import { noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';
import { pings } from './weft-agents-networks.ts';
import { AgentsWorld, type Instance } from './weft-agents-world.ts';

const replaced = ['linuxbridge', 'dhcp'] as const;
const missing = replaced.map(kind => `neutron-${kind}-agent`).filter(name => !existsSync(`/usr/bin/${name}`));
const skip = missing.length > 0 ? `no ${missing.join(', ')} here` : noSandbox() || noNeutronServer || noRabbit;
const patience = 180_000;
const auditProgram = join(import.meta.dirname, '../../src/main/audit/program.ts');

describe("Weft's agents take over from Debian's", { skip, timeout: 580_000 }, () => {
  let folder: string;
  let w: AgentsWorld;
  let h: Harness;
  let network: string;
  let flows: Flow<Packets>[];
  let one: Instance;
  let two: Instance;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-rolling-'));
    w = await AgentsWorld.open();
    for (const { name } of w.hosts) for (const kind of replaced) w.startDebian(name, kind);
  });
  after(async () => {
    await h?.[Symbol.asyncDispose]();
    await w?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const alive = async (): Promise<string[]> =>
    (await w.api.listOnce('agents')).map(a => `${a['host']} ${a['agent_type']} ${a.id} ${a['alive']}`).sort();
  const flow = (from: Instance, to: Instance): Promise<Flow<Packets>> =>
    startPackets({ name: `${from.host} to ${to.host}`, from: w.place(from), to: w.place(to), address: to.address, port: 5000 });
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

  test('two instances on a neutron-server with its own agents reach each other', async () => {
    await w.until('four agents', async () => (await alive()).filter(line => line.endsWith('true')).length === 4, patience);
    ({ id: network } = await w.api.make('networks', 'network', { name: 'inside' }));
    await w.api.make('subnets', 'subnet', { network_id: network, ip_version: 4, cidr: '10.10.0.0/24' });
    one = await w.instance('h1', network);
    two = await w.instance('h2', network);
    await w.until('one reaches two', () => pings(w, one, two.address), patience);
    flows = [await flow(one, two), await flow(two, one)];
  });

  test("Weft's server takes the place of the neutron-server", async () => {
    const before = await alive();
    await w.neutron.down();
    const connection = `sqlite:///${join(folder, 'weft.db')}`;
    const imported = await begin(['--from', w.neutron.databaseUrl, '--connection', connection]).done;
    assert.equal(imported.status, 0, imported.text);
    const messaging = { transportUrl: transportUrlOf(w.rabbit), controlExchange: 'neutron', host: 'neutron-server', rabbit: {} };
    h = await start({ database: databaseAt(connection), messaging });
    w.api = h.admin;
    await w.until('the same agents report', async () => (await alive()).join() === before.join(), patience);
  });

  test('host by host its agents take the place of the others, with no packet lost', async (t: TestContext) => {
    const before = await alive();
    for (const { name } of w.hosts) {
      for (const kind of replaced) await w.end(name, kind);
      for (const kind of replaced) w.start(name, kind);
      for (const kind of replaced) await w.until(`${kind} of ${name} is in sync`, () => w.syncs(name, kind) > 0, patience);
      const up = async (): Promise<boolean> => (await w.api.listOnce(`ports?network_id=${network}`)).every(p => p['status'] === 'ACTIVE');
      await w.until('every port is ACTIVE', up, patience);
    }
    await w.until('the same agents are alive', async () => (await alive()).join() === before.join(), patience);
    const ended = await Promise.all(flows.map(each => each.end()));
    for (const packets of ended) t.diagnostic(describePackets(packets));
    for (const { sent, missing: lost } of ended) {
      assert.ok(sent > 1000, `${sent} packets`);
      assert.deepEqual(lost, []);
    }
  });

  test('a new instance on each host gets its address, and what no rule permits any longer is denied', async () => {
    const group = await w.api.make('security-groups', 'security_group', { name: 'web' });
    const ping = { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp', remote_ip_prefix: '10.10.0.0/24' };
    const rule = await w.api.make('security-group-rules', 'security_group_rule', { security_group_id: group.id, ...ping });
    const fresh = [];
    for (const { name } of w.hosts) fresh.push(await w.instance(name, network, { security_groups: [group.id] }));
    for (const to of fresh)
      for (const from of [one, two]) await w.until(`${from.host} reaches the new one on ${to.host}`, () => pings(w, from, to.address));
    assert.equal((await w.api.request('DELETE', `security-group-rules/${rule.id}`)).status, 204);
    for (const to of fresh)
      for (const from of [one, two]) await w.until(`${to.host} denies ${from.host}`, async () => !(await pings(w, from, to.address)));
    assert.ok(await pings(w, one, two.address), 'the group that permits it still does');
    for (const from of fresh) assert.ok(await pings(w, from, from.address), 'it lives');
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
});
