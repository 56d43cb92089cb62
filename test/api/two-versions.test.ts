// Two versions of the server on one database: the later one extends it while the older one works, and both go on, also when they are started anew.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deskFor } from '../../src/main/db/desk.ts';
import { history } from '../../src/main/db/history.ts';
import { program } from '../../src/main/db/program.ts';
import { tablesOf } from '../../src/model/kit/revision.ts';
import { allTables } from '../../src/model/registry.ts';
import { type Api, type Body, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { start } from './harness.ts';
import { laterVersion } from './later-version.ts';

const own = { tables: allTables, revisions: history(), program: program() };
const later = laterVersion(own);
const file = fileURLToPath(import.meta.resolve('./version-process.ts'));

interface Version extends AsyncDisposable {
  as(who: string): Api;
}

async function startVersion(url: string, ...argv: string[]): Promise<Version> {
  const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const child = fork(file, [url, ...argv], { env, execArgv: ['--disable-warning=ExperimentalWarning'] });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [{ url?: string; refused?: string }];
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const { url: at } = message;
  if (at !== undefined) return { as: who => client(at, who), [Symbol.asyncDispose]: end };
  await end();
  throw new Error(message.refused ?? 'it ended');
}

/** Creates, changes, lists and deletes ports of the older version until it is told to stop; answers how often, and what was not as it should be. */
function traffic(api: Api, network_id: string) {
  const wrong: string[] = [];
  let done = 0;
  let goesOn = true;
  const want = (what: string, status: number, wanted: number): void => void (status === wanted || wrong.push(`${what}: ${status}`));
  const round = async (): Promise<void> => {
    const made = await api.request('POST', 'ports', { port: { network_id, name: 'busy' } });
    want('create', made.status, 201);
    if (made.status !== 201) return;
    const { id } = made.body['port'] as Made;
    want('update', (await api.request('PUT', `ports/${id}`, { port: { name: 'busier' } })).status, 200);
    want('list', (await api.request('GET', 'ports?name=busier')).status, 200);
    want('delete', (await api.request('DELETE', `ports/${id}`)).status, 204);
    done++;
  };
  const client = async (): Promise<void> => {
    while (goesOn) await round();
  };
  const ended = Promise.all([client(), client(), client()]);
  return {
    get done() {
      return done;
    },
    wrong,
    async stop() {
      goesOn = false;
      await ended;
    },
  };
}

const until = (what: string, isSo: () => boolean): Promise<void> => untilIs(what, async () => isSo());

async function untilIs(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000; !(await isSo()); await new Promise(resolve => setTimeout(resolve, 20)))
    if (performance.now() > end) throw new Error(`${what} took longer than a minute`);
}

test('a fact of a later version is left to it by a server that does not know its kind, and what comes behind it is told afterwards', async () => {
  await using older = await start();
  const { store } = older.server;
  const facts: string[] = [];
  const network = (id: string) => ({ kind: 'network', id, event: 'deleted' as const, revision: 1, facts: {} });
  const methods = {
    network_delete: async (args: Body) => {
      facts.push(String(args['network_id']));
      return null;
    },
  };
  const topic = 'q-agent-notifier-network-delete';
  await using _heard = await older.bus.serve({ topic, server: 'h1', endpoints: [{ version: '1.0', methods }] });
  const comet = { kind: 'comet', id: 'c', event: 'created' as const, revision: 1, facts: {} };
  assert.ok((await store.commit({ ops: [], outbox: [network('before'), comet, network('behind')] })).done);
  await until('the first fact', () => facts.includes('before'));
  // As the later server does it: it asks for the lease again and again.
  await untilIs('the lease', () => store.lease('relay:agents', 'later', 20_000));
  const waiting = await store.outbox('agents', 10);
  assert.deepEqual(
    waiting.map(row => row.kind),
    ['comet', 'network'],
  );
  assert.deepEqual(facts, ['before']);
  await store.acknowledge('agents', waiting[0]!.seq);
  await store.lease('relay:agents', 'later', 0);
  await until('the fact behind it', () => facts.includes('behind'));
  assert.ok(!older.logged.some(line => line.includes('given up')), older.logged.join(''));
});

test('a database goes from each revision to the next, and comes to the tables of the model', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-revisions-'));
  try {
    const url = await newDatabase(dir);
    for (let n = 1; n <= own.revisions.length; n++) {
      const revisions = own.revisions.slice(0, n);
      const desk = deskFor(url, { tables: tablesOf(revisions), revisions, program: `weft of revision ${n}` });
      assert.ok((await desk.inspect()).pending.length > 0, `revision ${n} adds something`);
      await desk.upgrade();
      const view = await desk.inspect();
      assert.deepEqual([view.pending, view.drift, view.refusal], [[], [], undefined]);
      assert.deepEqual(
        view.revisions.map(each => each.by),
        revisions.map((_, i) => `weft of revision ${i + 1}`),
      );
    }
    const view = await deskFor(url, own).inspect();
    assert.deepEqual([view.pending, view.drift], [[], []]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

describe('two versions on one database', () => {
  let dir: string;
  let url: string;
  let older: Version;
  let net: Made;
  let early: Made;
  let busy: ReturnType<typeof traffic>;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weft-versions-'));
    url = await newDatabase(dir);
    older = await startVersion(url, 'older');
    net = await older.as('member').make('networks', 'network', { name: 'n' });
    early = await older.as('member').make('ports', 'port', { network_id: net.id, name: 'before' });
    busy = traffic(older.as('member'), net.id);
  });
  after(async () => {
    await busy?.stop();
    await older?.[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const show = async (api: Api, path: string, name: string): Promise<Body> => (await api.request('GET', path)).body[name] as Body;

  test('a later server that may not extend the database does not start, and says what to do', async () => {
    await assert.rejects(startVersion(url, 'later', 'no-upgrade'), /has to be upgraded first \(it lacks table comets, .*"weft db upgrade"/);
    assert.deepEqual((await deskFor(url, own).inspect()).pending, []);
  });

  test('a later server extends it while the older one works, and neither loses what the other wrote', async () => {
    await until('traffic', () => busy.done > 3);
    await using newer = await startVersion(url, 'later');
    const [old, fresh] = [older.as('member'), newer.as('member')];
    const [port, network] = [await show(fresh, `ports/${early.id}`, 'port'), await show(fresh, `networks/${net.id}`, 'network')];
    assert.deepEqual([port['shade'], port['name'], network['weight']], [null, 'before', 7]);
    for (const [path, name, set] of [
      [`ports/${early.id}`, 'port', { shade: 'red' }],
      [`networks/${net.id}`, 'network', { weight: 9 }],
    ] as const)
      assert.equal((await fresh.request('PUT', path, { [name]: set })).status, 200);
    const unknown = await show(old, `ports/${early.id}`, 'port');
    assert.ok(!('shade' in unknown) && unknown['name'] === 'before');
    assert.equal((await old.request('PUT', `ports/${early.id}`, { port: { name: 'after', device_id: 'd' } })).status, 200);
    assert.equal((await old.request('PUT', `networks/${net.id}`, { network: { name: 'm' } })).status, 200);
    const kept = await show(fresh, `ports/${early.id}`, 'port');
    assert.deepEqual([kept['shade'], kept['name'], kept['device_id']], ['red', 'after', 'd']);
    const heavy = await show(fresh, `networks/${net.id}`, 'network');
    assert.deepEqual([heavy['weight'], heavy['name']], [9, 'm']);
    const made = await fresh.make('ports', 'port', { network_id: net.id, shade: 'blue' });
    const late = await old.make('ports', 'port', { network_id: net.id });
    assert.equal((await show(fresh, `ports/${late.id}`, 'port'))['shade'], null);
    assert.deepEqual(
      (await fresh.list('ports?shade=blue')).map(p => p.id),
      [made.id],
    );
    assert.equal((await old.request('DELETE', `ports/${made.id}`)).status, 204);
    const count = busy.done;
    await until('traffic afterwards', () => busy.done > count + 3);
    assert.deepEqual(busy.wrong, []);
  });

  test('the older one can be started anew, leaves the database as it is, and is told that it is newer', async () => {
    await busy.stop();
    await older[Symbol.asyncDispose]();
    for (const argv of [['older', 'no-upgrade'], ['older']]) {
      await using again = await startVersion(url, ...argv);
      assert.equal((await show(again.as('member'), `ports/${early.id}`, 'port'))['name'], 'after');
      await again.as('member').make('ports', 'port', { network_id: net.id });
    }
    for (const version of [own, later]) {
      const view = await deskFor(url, version).inspect();
      assert.deepEqual([view.pending, view.drift, view.refusal, view.program], [[], [], undefined, 'weft 99.0.0']);
      const unknown = view.revisions.filter(each => !each.isKnown).map(each => each.name);
      assert.deepEqual(unknown, version === own ? [later.revisions.at(-1)?.name] : []);
    }
    await using newer = await startVersion(url, 'later', 'no-upgrade');
    assert.equal((await show(newer.as('member'), `ports/${early.id}`, 'port'))['shade'], 'red');
  });
});
