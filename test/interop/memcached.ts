// A memcached of a test's own: Debian's, on a free port.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort } from '../../src/contracts/free-port.ts';
import { until } from '../api/harness.ts';

export const noMemcached: string | false = spawnSync('memcached', ['-V']).error ? 'no memcached here (Debian: memcached)' : false;

export class Memcached implements AsyncDisposable {
  readonly port: number;
  private child: ChildProcess | undefined;

  static async start(): Promise<Memcached> {
    const memcached = new Memcached(await freePort());
    await memcached.up();
    return memcached;
  }

  private constructor(port: number) {
    this.port = port;
  }

  async up(): Promise<void> {
    const argv = ['memcached', '-u', 'nobody', '-l', '127.0.0.1', '-p', String(this.port), '-U', '0', '-m', '16', '-t', '1'];
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], { stdio: 'ignore' });
    await until('memcached answers', () =>
      this.ask('version').then(
        text => text.startsWith('VERSION'),
        () => false,
      ),
    );
  }

  /** It takes connections, and says nothing. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** One line of the text protocol, and what comes back until the connection is quiet. */
  ask(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(this.port, '127.0.0.1');
      socket
        .on('error', reject)
        .on('data', data => (text += data.toString('latin1')))
        .on('close', () => resolve(text));
      socket.end(`${line}\r\nquit\r\n`, 'latin1');
    });
  }

  /** `value`: bytes, as latin1. */
  async put(key: string, value: string): Promise<void> {
    assert.match(await this.ask(`set ${key} 0 60 ${value.length}\r\n${value}`), /^STORED/);
  }

  /** All keys and values. */
  async dump(): Promise<{ readonly key: string; readonly value: string }[]> {
    const keys = [...(await this.ask('lru_crawler metadump all')).matchAll(/key=(\S+)/g)].map(match => decodeURIComponent(match[1] ?? ''));
    return Promise.all(keys.map(async key => ({ key, value: await this.ask(`get ${key}`) })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
