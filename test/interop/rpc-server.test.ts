// neutron-rpc-server on a real RabbitMQ: it answers agents, tells them what others have committed, listens nowhere, and ends in order.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { newDatabase } from '../api/database.ts';
import { until } from '../api/harness.ts';
import { openDatabase } from '../api/open-database.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const program = join(import.meta.dirname, '../../bin/neutron-rpc-server');

/** A process and all below it. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

/** Inodes of the TCP sockets on which somebody listens. */
const listening = (): Set<string> =>
  new Set(
    ['tcp', 'tcp6'].flatMap(name =>
      readFileSync(`/proc/self/net/${name}`, 'utf8')
        .split('\n')
        .slice(1)
        .map(line => line.trim().split(/\s+/))
        .flatMap(([, , , state, , , , , , inode]) => (state === '0A' && inode ? [`socket:[${inode}]`] : [])),
    ),
  );

/** How many of them are a process's. */
function listeners(pid: number): number {
  const all = listening();
  return readdirSync(`/proc/${pid}/fd`).filter(fd => {
    try {
      return all.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

describe('neutron-rpc-server', { skip: noRabbit, timeout: 300_000 }, () => {
  let rabbit: Rabbit;
  let folder: string;
  let connection: string;
  let child: ChildProcess | undefined;

  before(async () => {
    rabbit = await Rabbit.start();
    folder = mkdtempSync(join(tmpdir(), 'weft-rpc-'));
    connection = await newDatabase(folder);
  });
  after(async () => {
    child?.kill('SIGKILL');
    await rabbit?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const written = (name: string, more: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `[DEFAULT]\nhost = network-1\n${more}\n[database]\nconnection = ${connection}\n`, { mode: 0o600 });
    return path;
  };
  const { NODE_TEST_CONTEXT: _test, ...outer } = process.env;
  const env = (): NodeJS.ProcessEnv => ({ ...outer, WEFT_STATE_DIR: join(folder, 'state') });

  test('without a broker there is nobody to answer', () => {
    const { status, stderr } = spawnSync(program, ['--config-file', written('none.conf', '')], { encoding: 'utf8', env: env() });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /transport_url/);
  });

  test('agents are answered and told, by processes that listen nowhere', async () => {
    const amqp = rabbit.client();
    const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/${amqp.virtualHost}`;
    const config = written('neutron.conf', `transport_url = ${url}\nrpc_workers = 2\nrpc_state_report_workers = 1`);
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, '--config-file', config], {
      env: env(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes: Buffer) => (output += bytes));
    await until(
      'ready',
      async () => /^ready: agents are served on the broker by 3 workers$/m.test(output) || child?.exitCode !== null,
      120_000,
    );
    assert.equal(child.exitCode, null, output);
    const pids = family(child.pid as number);
    assert.ok(pids.length >= 4, pids.join());
    assert.equal(
      pids.reduce((sum, pid) => sum + listeners(pid), 0),
      0,
    );
    // Whoever listens is seen.
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    assert.equal(listeners(process.pid), 1);
    other.close();
    assert.ok(existsSync(join(folder, 'state/rpc-server/weft.lock')));

    const log = textLog({ sink: { write: () => {} } });
    await using bus = await openAmqpBus({ amqp, clock, log, name: 'agent of h1' });
    const told: unknown[] = [];
    const method = 'security_groups_rule_updated';
    const endpoints = [
      { version: '1.3', methods: { [method]: (args: Readonly<Record<string, unknown>>) => void told.push(args['security_groups']) } },
    ];
    await bus.serve({ topic: 'q-agent-notifier-security_group-update', server: 'h1', endpoints });
    // One of Neutron's, which filters: it hears of all groups with all others.
    const state = {
      agent_type: 'Linux bridge agent',
      binary: 'neutron-linuxbridge-agent',
      topic: 'N/A',
      host: 'h1',
      configurations: {},
      start_flag: true,
    };
    const args = { agent_state: { agent_state: state }, time: new Date().toISOString().replace('Z', '') };
    assert.equal(await bus.call({ topic: 'q-reports-plugin', version: '1.2' }, 'report_state', args), 'new');
    await using store = await openDatabase(connection);
    assert.equal((await store.select({ table: 'agents' }))[0]?.['host'], 'h1');

    // As another server commits it.
    const id = randomUUID();
    await store.commit({ ops: [], outbox: [{ kind: 'security_group', id, event: 'updated', revision: 1, facts: {} }] });
    await until('the agents are told', async () => JSON.stringify(told).includes(id), 30_000);

    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], output);
    assert.deepEqual(
      pids.filter(pid => existsSync(`/proc/${pid}`)),
      [],
    );
  });
});
