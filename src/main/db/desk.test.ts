// "weft db" on a SQLite file, as a person calls it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { runProgram } from '../../cli/program.ts';
import { dbVerbs } from '../../cli/verbs/db.ts';
import { databaseDesk } from './desk.ts';
import { history } from './history.ts';
import { program } from './program.ts';

function desk(t: TestContext) {
  const folder = join(mkdtempSync(join(tmpdir(), 'weft-db-')), 'state');
  t.after(() => rmSync(join(folder, '..'), { recursive: true }));
  const lines: string[] = [];
  const weft = async (...argv: string[]): Promise<[number, string]> => {
    lines.length = 0;
    const take = (line: string): void => void lines.push(line);
    const place = argv.includes('--connection') || argv.includes('--config-file') || argv[0] === 'history' ? [] : ['--state-dir', folder];
    return [await runProgram(dbVerbs(databaseDesk), ['db', ...argv, ...place], { out: take, err: take }), lines.join('\n')];
  };
  return { folder, file: join(folder, 'weft.db'), weft };
}

const head = history().at(-1)!;

test('a database from nothing: what is to be done, doing it, and what it is then', async t => {
  const { file, weft } = desk(t);
  const [needed, what] = await weft('check');
  assert.equal(needed, 1);
  assert.match(what, /to be added: table networks\n.*empty: "weft db upgrade" makes the schema$/s);
  assert.match((await weft('current'))[1], /empty: no revision/);
  assert.match((await weft('upgrade', '--dry-run'))[1], /\+ table networks/);
  assert.throws(() => statSync(file), /ENOENT/);
  const [done, said] = await weft('upgrade');
  assert.equal(done, 0, said);
  assert.ok(said.endsWith(`at revision ${head.name}`), said);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match((await weft('upgrade'))[1], /nothing to do/);
  const [fine, verdict] = await weft('check');
  assert.deepEqual([fine, verdict], [0, `${file}\nup to date`]);
  const [, current] = await weft('current');
  assert.ok(current.includes(`${head.name} (${head.id})`) && current.includes(`by ${program()}  (head)`), current);
  assert.ok(current.endsWith(`extended last by ${program()}`), current);
});

test('drift has a status of its own, and is told as data', async t => {
  const { file, weft } = desk(t);
  await weft('upgrade');
  const db = new DatabaseSync(file);
  db.exec('DROP INDEX ix__ports__device_id; CREATE TABLE cats (name TEXT)');
  db.close();
  const [status, said] = await weft('check');
  assert.equal(status, 3);
  assert.match(
    said,
    /unexpected: table cats\nmissing: index ix__ports__device_id on ports \(device_id\)\nthe schema is not what it should be$/,
  );
  const view = JSON.parse((await weft('check', '--json'))[1]) as { drift: unknown };
  assert.deepEqual(view.drift, [
    { kind: 'unexpected', what: 'table cats' },
    { kind: 'missing', what: 'index ix__ports__device_id on ports (device_id)' },
  ]);
  assert.match((await weft('upgrade'))[1], /\+ index ix__ports__device_id, which was lost/);
  assert.match((await weft('check'))[1], /weft\.db\nunexpected: table cats\nthe schema/);
});

test('databases are named by files, by URLs, and by the state directory; what cannot be is a sentence', async t => {
  const { folder, file, weft } = desk(t);
  const config = join(folder, '..', 'neutron.conf');
  writeFileSync(config, `[database]\nconnection = sqlite:///${join(folder, '..', 'named.db')}\n`);
  assert.match((await weft('upgrade', '--config-file', config))[1], /named\.db/);
  assert.deepEqual(await weft('check', '--connection', `sqlite:///${join(folder, '..', 'named.db')}`), [
    0,
    `${join(folder, '..', 'named.db')}\nup to date`,
  ]);
  assert.throws(() => statSync(file), /ENOENT/);
  const [status, said] = await weft('upgrade', '--connection', 'mysql+pymysql://neutron:very-secret@127.0.0.1:1/neutron');
  assert.equal(status, 1);
  assert.match(said, /^weft: store: cannot reach mysql:\/\/neutron@127\.0\.0\.1:1\/neutron/);
  assert.ok(!said.includes('very-secret'));
  assert.match((await weft('upgrade', '0099'))[1], /there is no revision "0099"/);
  writeFileSync(join(folder, '..', 'text'), 'no database\n'.repeat(500));
  assert.match((await weft('check', '--connection', `sqlite:///${join(folder, '..', 'text')}`))[1], /is not a database/);
});

test('the history, in short and whole', async t => {
  const { weft } = desk(t);
  const [, short] = await weft('history');
  assert.match(short, /^0001-initial \([0-9a-f]{12}\)\n {2}\+ table networks\n.* {2}and \d+ more/s);
  assert.match((await weft('history', '--verbose'))[1], / {2}\+ table quota_usages/);
});
