// What a server tells the service manager that started it: that it serves, and that it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { missingPackages, programFolders, testPackages } from '../../bin/packages.mjs';

const { systemd, python3 } = testPackages;
const lacking = missingPackages({ systemd, python3: python3! }, programFolders(process.env['PATH'] ?? ''));
const skip = lacking.length > 0 && !process.env['CI'] ? `needs systemd-notify and python3: apt-get install ${lacking.join(' ')}` : false;

/** Receives datagrams, which Node cannot, and prints each. */
const listener = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True:
    data, files, _, _ = socket.recv_fds(s, 4096, 8)
    print(data.decode().replace('\\n', ' '), flush=True)
`;

test('a server says READY=1 when its API answers, and STOPPING=1 when it is told to end', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-notify-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'notify');
  const manager = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => manager.kill('SIGKILL'));
  const heard = createInterface({ input: manager.stdout })[Symbol.asyncIterator]();
  const next = async (word: string): Promise<string> => {
    for (;;) {
      const { value, done } = await heard.next();
      if (done) throw new Error(`nobody said ${word}`);
      if (String(value).split(' ').includes(word)) return String(value);
    }
  };
  await next('listening');
  const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const argv = ['server', '--state-dir', join(folder, 'state'), '--listen', '127.0.0.1:0'];
  const server = spawn(join(import.meta.dirname, '../../bin/weft'), argv, {
    env: { ...env, NOTIFY_SOCKET: socket },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  const lines = createInterface({ input: server.stdout });
  const url = new Promise<string>(resolve => {
    lines.on('line', line => {
      const at = /^ready: API (\S+?),/.exec(line)?.[1];
      if (at) resolve(at);
    });
  });
  assert.match(await next('READY=1'), new RegExp(`(^| )MAINPID=${server.pid}( |$)`));
  assert.equal((await fetch(`${await url}/`)).status, 200);
  const exit = once(server, 'exit');
  server.kill('SIGTERM');
  void exit.then(() => setTimeout(() => manager.kill(), 3000).unref());
  await next('STOPPING=1');
  assert.deepEqual((await exit)[0], 0);
});
