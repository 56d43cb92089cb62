// How a server ends: what is under way is answered, who waits on a connection is let go, and nobody is kept for ever.
import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, processId } from '../../src/main/sandbox/proc.ts';
import { until } from './harness.ts';
import { once, processesOf, type Service, startService } from './service.ts';

/** A connection whose answers are read as they come. */
async function connection(service: Service): Promise<{ socket: Socket; heard: () => string; closed: Promise<unknown> }> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  let heard = '';
  socket.setEncoding('utf8').on('data', (text: string) => (heard += text));
  socket.on('error', () => {});
  const closed = event(socket, 'close');
  await event(socket, 'connect');
  return { socket, heard: () => heard, closed };
}

const body = JSON.stringify({ network: { name: 'last' } });
const head = (token: string): string =>
  `POST /v2.0/networks HTTP/1.1\r\nhost: x\r\nx-auth-token: ${token}\r\ncontent-length: ${body.length}\r\n\r\n`;

/** Its head is read, which tells that the worker has begun with it. */
async function halfARequest(service: Service, token: string): ReturnType<typeof connection> {
  const client = await connection(service);
  client.socket.write(`GET /v2.0/networks HTTP/1.1\r\nhost: x\r\nx-auth-token: ${token}\r\n\r\n`);
  await until('an answer', async () => client.heard().includes('"networks"'));
  client.socket.write(head(token) + body.slice(0, 10));
  return client;
}

for (const [name, lines] of [
  ['one process', 'api_workers = 0'],
  ['workers', 'api_workers = 2\nrpc_state_report_workers = 0'],
] as const)
  describe(name, () => {
    test('SIGTERM: a request under way is answered, connections are closed, nobody new is taken, and the status is 0', async () => {
      await using service = await startService(lines);
      const token = await service.token();
      const under = await halfARequest(service, token);
      const idle = await connection(service);
      const before = processesOf(await service.status(), '');
      service.signal('SIGTERM');
      await idle.closed;
      await until('nobody is taken', async () => !(await once(service.url, {}).catch(() => undefined)), 20_000);
      assert.equal(under.heard().split('HTTP/1.1').length, 2);
      under.socket.write(body.slice(10));
      await under.closed;
      const [, , last = ''] = under.heard().split('HTTP/1.1');
      assert.match(last, /^ 201 /);
      assert.match(last, /connection: close/i);
      assert.equal(await service.ended, '0');
      assert.deepEqual(before.filter(isAlive), []);
    });

    test('a request that never ends is waited for as long as graceful_shutdown_timeout says, and no longer', async () => {
      await using service = await startService(`${lines}\ngraceful_shutdown_timeout = 1`);
      const under = await halfARequest(service, await service.token());
      service.signal('SIGTERM');
      await under.closed;
      assert.equal(await service.ended, '0');
    });

    test('a second SIGTERM is heard, too: then nothing is waited for', async () => {
      await using service = await startService(lines);
      const before = processesOf(await service.status(), '');
      const under = await halfARequest(service, await service.token());
      service.signal('SIGTERM');
      // Ctrl-C in a terminal comes twice, and what comes so soon after the first is no second one.
      await until('it has heard the first', async () => /stopping: SIGTERM/.test(service.output()), 60_000);
      await sleep(1000);
      assert.ok(processId(service.pid));
      service.signal('SIGTERM');
      assert.equal(await service.ended, '130');
      await under.closed;
      await until('all workers are gone', async () => !before.some(isAlive));
    });
  });

test('kill -9 of the main process: its workers end, too', async () => {
  await using service = await startService('api_workers = 1');
  const before = processesOf(await service.status(), '');
  assert.equal(before.length, 3);
  service.signal('SIGKILL');
  await until('all workers are gone', async () => !before.some(isAlive), 20_000);
});
