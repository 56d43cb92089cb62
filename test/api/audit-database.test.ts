// weft audit database: finds what is wrong between the rows of a database, and repairs what there is one way to repair.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runProgram } from '../../src/cli/program.ts';
import { type AuditFinding, auditDatabaseVerb } from '../../src/cli/verbs/audit-database.ts';
import type { Op, Row, Store } from '../../src/contracts/store.ts';
import { auditDatabase } from '../../src/main/db/audit.ts';
import { importPrefix } from '../../src/model/beginnings.ts';
import { look, repair } from '../../src/server/audit/audit.ts';
import type { Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { openDatabase } from './open-database.ts';

describe('weft audit database', () => {
  let folder: string;
  let config: string;
  let cluster: Cluster;
  let store: Store;
  let net: Made;
  let port: Made;
  let router: Made;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-audit-'));
    cluster = await startCluster(1);
    store = await openDatabase(cluster.file);
    config = join(folder, 'weft.conf');
    writeFileSync(config, `[database]\nconnection = ${cluster.file}\n`);
    const member = cluster.as('member');
    net = await member.make('networks', 'network', {});
    await member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24' });
    port = await member.make('ports', 'port', { network_id: net.id });
    router = await member.make('routers', 'router', {});
    await member.request('PUT', `networks/${net.id}/tags/red`);
  });
  after(async () => {
    await store?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const weft = async (...argv: string[]): Promise<[status: number, said: string]> => {
    const lines: string[] = [];
    const take = (line: string): void => void lines.push(line);
    const status = await runProgram(
      [auditDatabaseVerb(auditDatabase)],
      ['audit', 'database', '--config-file', config, '--pause', '0', ...argv],
      {
        out: take,
        err: take,
      },
    );
    return [status, lines.join('\n')];
  };
  const found = async (...argv: string[]): Promise<AuditFinding[]> => JSON.parse((await weft('--json', ...argv))[1]);
  const write = async (...ops: Op[]): Promise<void> => void assert.ok((await store.commit({ ops })).done);

  test('a database that is right has nothing wrong', async () => {
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
    assert.deepEqual(await weft('--fix'), [0, 'nothing is wrong']);
  });

  test('each thing that is wrong is told, and repaired where there is one way', async () => {
    const gone = randomUUID();
    const [allocation] = await store.select({ table: 'ip_allocations', where: { eq: ['port_id', port.id] } });
    const [usage] = await store.select({
      table: 'quota_usages',
      where: { and: [{ eq: ['resource', 'port'] }, { eq: ['project_id', String(net['project_id'])] }] },
    });
    const [segment] = await store.select({ table: 'segment_allocations', where: { eq: ['network_id', net.id] } });
    const rest = { network_id: net.id, subnet_id: allocation!.subnet_id, position: 0 };
    await write(
      { op: 'insert', table: 'ip_allocations', row: { ...rest, ip_address: '10.9.0.77', port_id: gone } as Row },
      { op: 'insert', table: 'provisioning_blocks', row: { port_id: gone, entity: 'L2' } },
      { op: 'insert', table: 'tags', row: { object_id: gone, tag: 'blue' } },
      {
        op: 'update',
        table: 'quota_usages',
        where: { and: [{ eq: ['resource', 'port'] }, { eq: ['project_id', String(net['project_id'])] }] },
        bump: { in_use: 5 },
      },
      { op: 'insert', table: 'segment_allocations', row: { ...segment, segmentation_id: 77_777 } as Row },
      {
        op: 'delete',
        table: 'segment_allocations',
        where: { and: [{ eq: ['network_id', net.id] }, { not: { eq: ['segmentation_id', 77_777] } }] },
      },
      { op: 'update', table: 'routers', where: { eq: ['id', router.id] }, set: { gw_port_id: gone } },
    );
    const all = await found();
    assert.deepEqual(
      all.map(({ check, how }) => `${check}${how === undefined ? '' : ' repair'}`).sort(),
      [
        'addresses',
        'orphans repair',
        'quotas repair',
        'references',
        'references repair',
        'references repair',
        'routers',
        'segments repair',
        'segments repair',
      ],
      JSON.stringify(all, undefined, 1),
    );
    const quota = all.find(each => each.check === 'quotas');
    assert.equal(quota?.what, `${Number(usage!.in_use) + 5} port of ${net['project_id']} are counted, ${usage!.in_use} are there`);
    const [status, shown] = await weft();
    assert.equal(status, 3);
    assert.ok(
      shown.includes(`references: ip_allocations.port_id names ${gone}`) && shown.includes('  repair: delete the row of ip_allocations ('),
      shown,
    );
    const [left, said] = await weft('--fix');
    assert.deepEqual([left, said.split('\n').filter(line => line.endsWith(': done')).length], [3, 6], said);
    assert.ok(said.indexOf('repair: ') < said.indexOf(': done'), 'it is shown before it is done');
    const remaining = await found();
    assert.deepEqual(remaining.map(each => each.check).sort(), ['references', 'routers'], JSON.stringify(remaining));
    await write({ op: 'update', table: 'routers', where: { eq: ['id', router.id] }, set: { gw_port_id: null } });
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
    assert.deepEqual(await store.select({ table: 'segment_allocations', where: { eq: ['network_id', net.id] } }), [segment]);
    assert.equal((await cluster.as('member').request('GET', `ports/${port.id}`)).status, 200);
    assert.deepEqual(
      (await store.select({ table: 'tags' })).map(row => row.tag),
      ['red'],
    );
  });

  test('a repair of what somebody has changed meanwhile is not done', async () => {
    const where = { and: [{ eq: ['resource', 'network'] as const }, { eq: ['project_id', String(net['project_id'])] as const }] };
    await write({ op: 'update', table: 'quota_usages', where, bump: { in_use: 3 } });
    const findings = await look(store);
    assert.equal(findings.length, 1);
    await cluster.as('member').make('networks', 'network', {});
    assert.deepEqual(
      (await repair(store, findings)).map(each => each.became),
      ['moved'],
    );
    assert.deepEqual(
      (await repair(store, await look(store))).map(each => each.became),
      ['repaired'],
    );
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
  });

  test('a row that names another by now stays, and one that may name nothing is not deleted', async () => {
    const [gone, agent, segment_id] = [randomUUID(), randomUUID(), randomUUID()];
    const key = { port_id: port.id, host: 'h1', level: 0 };
    const where = { and: [{ eq: ['port_id', port.id] as const }, { eq: ['host', 'h1'] as const }] };
    const [segment] = await store.select({ table: 'segments', where: { eq: ['network_id', net.id] } });
    await write({ op: 'insert', table: 'port_binding_levels', row: { ...key, driver: 'linuxbridge', segment_id } });
    const findings = await look(store);
    await write({ op: 'update', table: 'port_binding_levels', where, set: { segment_id: segment!.id! } });
    assert.deepEqual(
      (await repair(store, findings)).map(each => each.became),
      ['moved', 'left'],
    );
    assert.equal(await store.count('port_binding_levels', where), 1);
    await write({ op: 'delete', table: 'port_binding_levels', where });
    const about = { agent_type: 'L3 agent', binary: 'x', topic: 'l3_agent', host: 'h1', admin_state_up: true };
    const times = { created_at: '2026-01-01T00:00:00Z', started_at: '2026-01-01T00:00:00Z', heartbeat_timestamp: '2026-01-01T00:00:00Z' };
    await write({ op: 'insert', table: 'agents', row: { id: agent, ...about, ...times, configurations: {} } });
    const binding: Row = { router_id: router.id, agent_id: agent, binding_index: 1, ha_port_id: gone, ha_state: null };
    await write({ op: 'insert', table: 'router_bindings', row: binding });
    const found = (await look(store)).filter(each => each.check === 'references');
    assert.deepEqual(
      found.map(each => [each.what.split(' names')[0], each.repair]),
      [['router_bindings.ha_port_id', undefined]],
    );
    await write(
      { op: 'delete', table: 'router_bindings', where: { eq: ['agent_id', agent] } },
      { op: 'delete', table: 'agents', where: { eq: ['id', agent] } },
    );
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
  });

  test('a port that was shown with what is repaired is shown without it, by servers that run meanwhile', async () => {
    const { id } = await cluster.as('member').make('ports', 'port', { network_id: net.id, security_groups: [] });
    const gone = randomUUID();
    await write({ op: 'insert', table: 'port_security_groups', row: { port_id: id, security_group_id: gone } });
    const groups = async (): Promise<unknown[]> => {
      const one = (await cluster.as('member').request('GET', `ports/${id}`)).body.port as Made;
      const [listed] = await cluster.as('member').list(`ports?id=${id}`);
      return [one['security_groups'], listed?.security_groups];
    };
    assert.deepEqual(await groups(), [[gone], [gone]]);
    const [repaired, told] = await weft('--fix');
    assert.deepEqual([repaired, told.split('\n').filter(line => line.endsWith(': done')).length], [0, 1], told);
    assert.deepEqual(await groups(), [[], []]);
  });

  test('what an import has not brought to an end is not looked at, and loses nothing', async () => {
    const name = `${importPrefix}x`;
    const binding: Row = { network_id: randomUUID(), agent_id: randomUUID() };
    await write({ op: 'insert', table: 'beginnings', row: { name } }, { op: 'insert', table: 'dhcp_bindings', row: binding });
    const [status, said] = await weft('--fix');
    assert.deepEqual([status, await store.count('dhcp_bindings')], [1, 1], said);
    assert.match(said, /an import into it is under way/);
    await write({ op: 'delete', table: 'beginnings', where: { eq: ['name', name] } });
    const [repaired, told] = await weft('--fix');
    assert.deepEqual([repaired, told.split('\n').filter(line => line.endsWith(': done')).length], [0, 2], told);
    assert.equal(await store.count('dhcp_bindings'), 0);
  });

  test('a prefix from outside is of no pool, and nothing is missing', async () => {
    const of = (id: unknown) => ({ eq: ['id', id as string] as const });
    const [subnet] = await store.select({ table: 'subnets', where: { eq: ['network_id', net.id] } });
    const set = (subnetpool_id: string | null) => write({ op: 'update', table: 'subnets', where: of(subnet!.id), set: { subnetpool_id } });
    await set('prefix_delegation');
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
    await set(null);
  });

  test('a flat network that is taken by no segment is given back', async () => {
    const row: Row = { network_type: 'flat', physical_network: 'physnet9', segmentation_id: 0, network_id: net.id };
    await write({ op: 'insert', table: 'segment_allocations', row });
    const [status, said] = await weft('--fix');
    assert.match(said, /give flat 0 of .* back: done/);
    assert.equal(status, 0, said);
  });

  test('what is wrong for a moment only is not told', async () => {
    const { audit } = await import('../../src/server/audit/audit.ts');
    await write({ op: 'insert', table: 'tags', row: { object_id: randomUUID(), tag: 'green' } });
    const pause = () => write({ op: 'delete', table: 'tags', where: { eq: ['tag', 'green'] } });
    assert.deepEqual(await audit(store, pause), []);
  });

  test('readers of the outbox for whom facts wait are told, and keep them', async t => {
    await store.outbox('nobody', 1);
    await cluster.as('member').make('networks', 'network', {});
    assert.deepEqual(await weft(), [0, 'nothing is wrong'], 'it has not waited for long');
    const old = { outbox: [{ kind: 'network', id: net.id, event: 'updated' as const, revision: 1, facts: {} }] };
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 3_600_000 });
    {
      await using early = await openDatabase(cluster.file);
      assert.ok((await early.commit({ ops: [], ...old })).done);
    }
    t.mock.timers.reset();
    const [late] = await found();
    assert.match(late!.what, /^\d+ facts have waited for the reader nobody, the oldest since /);
    assert.equal((await weft('--fix'))[0], 3);
    assert.ok((await store.outbox('nobody', 100)).length > 0);
    await store.forget('nobody');
    assert.deepEqual(await weft(), [0, 'nothing is wrong']);
  });
});
