import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runProgram } from './program.ts';
import { type Call, count, Failure, text, texts, type Verb } from './verb.ts';

function world() {
  const calls: Call[] = [];
  const lines: string[] = [];
  const errors: string[] = [];
  const take = async (call: Call): Promise<number> => {
    calls.push(call);
    return 0;
  };
  const up: Verb = {
    path: ['up'],
    usage: '',
    summary: 'start',
    options: {
      hosts: { type: 'string', value: 'N', help: 'how many hosts' },
      publish: { type: 'string', value: 'P', multiple: true, help: 'ports' },
      'on-host': { type: 'boolean', help: 'no sandboxes' },
    },
    args: [0, 0],
    run: async call => {
      count(up, call, 'hosts', { least: 1, most: 64, otherwise: 1 });
      return take(call);
    },
  };
  const exec: Verb = {
    path: ['vm', 'exec'],
    usage: 'NAME -- COMMAND…',
    summary: 'run',
    options: {},
    args: [1, 1],
    command: true,
    run: take,
  };
  const fail: Verb = {
    path: ['fail'],
    usage: '',
    summary: 'fails',
    options: {},
    args: [0, 0],
    run: () => Promise.reject(new Failure('no luck')),
  };
  const run = (...argv: string[]): Promise<number> =>
    runProgram([up, exec, fail], argv, { out: line => lines.push(line), err: line => errors.push(line) });
  return { run, calls, lines, errors };
}

test('options and arguments reach the verb', async () => {
  const { run, calls } = world();
  assert.equal(await run('up', '--hosts', '3', '--publish=a', '--publish', 'b', '--on-host'), 0);
  const [call] = calls;
  assert.ok(call);
  assert.deepEqual([text(call, 'hosts'), texts(call, 'publish'), call.options['on-host']], ['3', ['a', 'b'], true]);
});

test('what stands behind -- is a command, options and all', async () => {
  const { run, calls } = world();
  assert.equal(await run('vm', 'exec', 'one', '--', 'ping', '-c1', '--', '10.0.0.1'), 0);
  assert.deepEqual([calls[0]?.args, calls[0]?.command], [['one'], ['ping', '-c1', '--', '10.0.0.1']]);
});

for (const [argv, words] of [
  [['up', '--host', '3'], /unknown option '--host'\nusage: weft up \[OPTIONS\]\n/],
  [['up', '--hosts', '0'], /--hosts takes a number from 1 to 64, not "0"/],
  [['up', '--hosts', '2x'], /not "2x"/],
  [['up', '--hosts'], /argument missing/],
  [['up', 'extra'], /what is "extra" for\?/],
  [['up', '--', 'x'], /nothing may follow "--"/],
  [['vm', 'exec'], /too few arguments/],
  [['vm', 'exec', 'one', 'ping'], /what is "ping" for\? A command goes behind "--"/],
  [['vm', 'exec', 'one', 'ping', '-c1'], /options of a command go behind "--"/],
  [['nonsense'], /there is no verb "nonsense"/],
  [['vm', 'nonsense'], /there is no "weft vm nonsense", only "weft vm exec"/],
] as const)
  test(`weft ${argv.join(' ')}: refused with what is right, status 2`, async () => {
    const { run, calls, errors } = world();
    assert.equal(await run(...argv), 2);
    assert.match(errors.join('\n'), words);
    assert.equal(calls.length, 0);
  });

test('help by either way, also where arguments are missing', async () => {
  const { run, lines } = world();
  assert.equal(await run('help', 'vm', 'exec'), 0);
  assert.equal(await run('vm', 'exec', '--help'), 0);
  assert.equal(lines[0], lines[1]);
  assert.match(lines[0] ?? '', /^weft vm exec: run\n\nusage: weft vm exec \[OPTIONS\] NAME -- COMMAND…\n/);
  assert.equal(await run('help'), 0);
  assert.match(lines[2] ?? '', /^ {2}up {7}start$/m);
});

test('--help behind -- belongs to the command', async () => {
  const { run, calls } = world();
  await run('vm', 'exec', 'one', '--', 'ls', '--help');
  assert.deepEqual(calls[0]?.command, ['ls', '--help']);
});

test('what could not be done is said in one line, status 1', async () => {
  const { run, errors } = world();
  assert.equal(await run('fail'), 1);
  assert.deepEqual(errors, ['weft: no luck']);
});
