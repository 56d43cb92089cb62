// weft agent as a process: what it refuses, what it does without its broker, and what signals do.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const node = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'weft.ts')] as const;
/** Nobody listens there. */
const broker = 'transport_url = rabbit://weft:geheim@127.0.0.1:1/\n';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function refusal(t: TestContext, kind: string, text = ''): readonly [status: number | null, words: string] {
  const file = join(folderOf(t), 'a.ini');
  writeFileSync(file, text);
  const [command, ...args] = [...node, 'agent', kind, '--config-file', file] as const;
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  return [status, stderr.replaceAll(file, 'FILE').trim()];
}

async function until(what: string, look: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 30_000; !look(); await sleep(50))
    if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`);
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise(resolve => child.once('exit', code => resolve(code)));
}

test('what cannot be is refused in words', t => {
  assert.deepEqual(refusal(t, 'l4'), [1, 'weft: there is no agent "l4", only linuxbridge, openvswitch, dhcp, l3, metadata']);
  const [, lost] = refusal(t, 'metadata');
  assert.match(lost, /^weft: where is the server\? The files name no transport_url/);
  assert.deepEqual(refusal(t, 'l3', `[DEFAULT]\n${broker}agent_mode = dvr\nmetadata_port = http\n`), [
    1,
    [
      'weft: the configuration is wrong:',
      '  FILE:4: metadata_port = http: a number from 1 to 65535 is wanted',
      '  FILE:3: [DEFAULT] agent_mode cannot be had here, because it has centralised routers alone',
    ].join('\n'),
  ]);
});

const nobody = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : [];
const asNobody = (argv: readonly string[]): ReturnType<typeof spawnSync> => {
  const [command = '', ...args] = [...nobody, ...argv];
  return spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, cwd: '/' });
};
const hidden = asNobody(['test', '-r', node[2]]).status !== 0 && 'place: nobody else can read this checkout';

test('who is not root is told so', { skip: hidden }, () => {
  const { status, stderr } = asNobody([...node, 'agent', 'dhcp', '--bus-socket', '/nowhere']);
  assert.deepEqual([status, String(stderr).trim()], [1, 'weft: the dhcp agent changes the network of this machine, which needs root']);
});

/** Sends a hang-up just before the first large file is loaded. */
const hangsUp = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ load: (url, context, next) => {
    if (url.endsWith('/main/main.ts')) process.kill(process.pid, 'SIGHUP');
    return next(url, context);
  } });`)}`;

for (const [name, argv, status, words] of [
  ['agent', ['agent', 'metadata', '--config-file', '/nowhere'], 1, /\/nowhere/],
  ["Neutron's agent", ['--called-as', 'neutron-l3-agent', '--config-file', '/nowhere'], 1, /\/nowhere/],
  ['server', ['server', '--config-file', '/nowhere'], 1, /\/nowhere/],
] as const)
  test(`a hang-up in the first moment of a process does not end it: ${name}`, () => {
    const [command, ...args] = node;
    const ran = spawnSync(command, ['--import', hangsUp, ...args, ...argv], { encoding: 'utf8', timeout: 60_000 });
    assert.deepEqual([ran.signal, ran.status], [null, status]);
    assert.match(`${ran.stdout}${ran.stderr}`, words);
  });

test('a hang-up ends whatever is no service', () => {
  const [command, ...args] = node;
  assert.equal(spawnSync(command, ['--import', hangsUp, ...args, 'status'], { timeout: 60_000 }).signal, 'SIGHUP');
});

test('without its broker it says so and goes on; SIGHUP reads the files again, SIGTERM ends it with 0', { timeout: 120_000 }, async t => {
  const folder = folderOf(t);
  const [file, logFile] = [join(folder, 'm.ini'), join(folder, 'm.log')];
  const base = `[DEFAULT]\n${broker}state_path = ${folder}\nlog_file = ${logFile}\nmetadata_proxy_socket_mode = user\nmetadata_proxy_shared_secret = hush\n`;
  const say = (more: string): void => writeFileSync(file, `${base}${more}`);
  const log = (path = logFile): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  say('');
  const [command, ...args] = node;
  const child = spawn(command, [...args, 'agent', 'metadata', '--config-file', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const end = ended(child);
  await until('it runs', () => /the agent runs/.test(log()));
  await until('it misses its broker', () => /no connection to the message broker; trying on/.test(log()));
  assert.doesNotMatch(log(), /DEBUG/);

  renameSync(logFile, `${logFile}.1`);
  say('debug = true\nnova_metadata_port = 8776\n');
  child.kill('SIGHUP');
  await until('it has read them', () => /read again/.test(log()));
  assert.match(log(), /read again after_a_restart=\["nova_metadata_port"\]/);
  assert.doesNotMatch(log(`${logFile}.1`), /read again/);

  say('debug = perhaps\n');
  child.kill('SIGHUP');
  await until('it refuses them', () => /ERROR .*the configuration is left as it was/.test(log()));
  assert.match(log(), /m\.ini:7: debug = perhaps/);

  const began = performance.now();
  child.kill('SIGTERM');
  assert.equal(await end, 0);
  assert.ok(performance.now() - began < 15_000);
  for (const text of [log(), log(`${logFile}.1`)]) assert.doesNotMatch(text, /geheim|hush/);
});
