// "weft server" as a process that its files configure: where it listens, where its state is, who callers are.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const program = join(import.meta.dirname, '../../src/main/weft.ts');

class Weft implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'weft-configured-'));
  private child: ChildProcess | undefined;
  private said: string[] = [];

  /** Starts it with files of these texts; the URL of its API, or what it said and its status. */
  async start(texts: readonly string[], ...more: readonly string[]): Promise<string> {
    const files = texts.map((text, i) => {
      const file = join(this.folder, `${i}.conf`);
      writeFileSync(file, text.replaceAll('FOLDER', this.folder));
      return ['--config-file', file];
    });
    const argv = ['--disable-warning=ExperimentalWarning', program, 'server', ...files.flat(), ...more];
    const env = { ...process.env, WEFT_STATE_DIR: join(this.folder, 'elsewhere') };
    const said: string[] = [];
    this.said = said;
    this.child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', data => said.push(String(data)));
    const ended = once(this.child, 'exit').then(([code]) => `${said.join('')}${code}`);
    return Promise.race([this.ready(), ended]);
  }

  private async ready(): Promise<string> {
    for (;;) {
      const url = /^ready: API (\S+),/m.exec(this.said.join(''))?.[1];
      if (url) return url;
      await new Promise(resolve => setTimeout(resolve, 20));
      if (this.child?.exitCode !== null) return new Promise(() => {});
    }
  }

  async stop(): Promise<void> {
    if (!this.child || this.child.exitCode !== null) return;
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Answer {
  readonly status: number;
  readonly body: { readonly network?: { readonly project_id: string }; readonly networks?: readonly unknown[] };
}

async function ask(url: string, method: string, body?: unknown): Promise<Answer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const reply = await fetch(`${url}/v2.0/networks`, { method, ...sent });
  return { status: reply.status, body: (await reply.json()) as Answer['body'] };
}

const place = '[DEFAULT]\nbind_host = 127.0.0.1\nbind_port = 0\nstate_path = FOLDER/state\n';

describe('weft server, configured by files', () => {
  test('state_path and bind_host are where it is; with noauth everybody is an administrator', async () => {
    await using weft = new Weft();
    const url = await weft.start([place, '[DEFAULT]\nauth_strategy = noauth\n']);
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(existsSync(join(weft.folder, 'state/weft.db')));
    assert.equal(existsSync(join(weft.folder, 'elsewhere')), false);
    const made = await ask(url, 'POST', { network: { name: 'a', shared: true } });
    assert.deepEqual([made.status, made.body.network?.project_id], [201, 'fake_project_id']);
    assert.equal((await ask(url, 'POST', { network: { project_id: 'another' } })).body.network?.project_id, 'another');
    await weft.stop();
    const asked = await weft.start([place]);
    assert.equal((await ask(asked, 'GET')).status, 401, 'the default asks for a token');
  });

  test('the command line counts more', async () => {
    await using weft = new Weft();
    const other = join(weft.folder, 'other');
    const url = await weft.start([place.replace('127.0.0.1', '192.0.2.1')], '--listen', '127.0.0.1:0', '--state-dir', other);
    assert.match(url, /^http:\/\/127\.0\.0\.1:/);
    assert.deepEqual([existsSync(join(other, 'weft.db')), existsSync(join(weft.folder, 'state'))], [true, false]);
  });

  test('what is wrong ends it before anything is made, and is told all at once', async () => {
    await using weft = new Weft();
    const said = await weft.start([
      place,
      '[DEFAULT]\nmax_routes = many\ncore_plugin = other\nauth_strategy = none\n[ml2]\nmechanism_drivers = ovn\n',
    ]);
    const lines = said.replaceAll(weft.folder, 'F').split('\n');
    assert.equal(lines[0], 'weft: the configuration is wrong:');
    assert.deepEqual(
      lines.slice(1, -1).map(line => /^ {2}(F\/1\.conf:\d+: \w+) = /.exec(line)?.[1]),
      ['F/1.conf:4: auth_strategy', 'F/1.conf:3: core_plugin', 'F/1.conf:2: max_routes', 'F/1.conf:6: mechanism_drivers'],
    );
    assert.equal(lines.at(-1), '1');
    assert.equal(existsSync(join(weft.folder, 'state')), false);
  });
});
