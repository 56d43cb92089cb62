import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Connection } from './connection.ts';
import { CountingProxy } from './counting-proxy.ts';

async function serve(answer: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

test('bodies in one piece, in many, in chunks and none', async () => {
  const big = 'x'.repeat(3_000_000);
  await using server = await serve((asked, answer) => {
    if (asked.url === '/none') answer.writeHead(204).end();
    else if (asked.url === '/chunks') answer.write('ab', () => answer.end('cd'));
    else answer.writeHead(200, { 'content-length': asked.url === '/big' ? big.length : 2 }).end(asked.url === '/big' ? big : 'ok');
  });
  using connection = new Connection(server.url, 'secret');
  for (const [path, status, body] of [
    ['/small', 200, 'ok'],
    ['/big', 200, big],
    ['/chunks', 200, 'abcd'],
    ['/none', 204, ''],
    ['/small', 200, 'ok'],
  ] as const) {
    const reply = await connection.ask('GET', path);
    assert.deepEqual([reply.status, reply.bytes], [status, body.length], path);
    assert.equal(reply.body.toString(), body);
  }
});

test('tokens: that of the connection, or another', async () => {
  await using server = await serve((asked, answer) => void answer.end(asked.headers['x-auth-token']));
  using connection = new Connection(server.url, 'mine');
  assert.equal((await connection.ask('GET', '/')).body.toString(), 'mine');
  assert.equal((await connection.ask('POST', '/', { a: 1 }, 'other')).body.toString(), 'other');
});

test('nobody there is no answer, and a connection that was closed is opened again', async () => {
  let port = 0;
  {
    await using server = await serve((_, answer) => void answer.writeHead(200, { connection: 'close' }).end('ok'));
    port = Number(new URL(server.url).port);
    using connection = new Connection(server.url, '');
    for (let i = 0; i < 2; i++) assert.equal((await connection.ask('GET', '/')).status, 200);
  }
  using connection = new Connection(`http://127.0.0.1:${port}`, '');
  assert.equal((await connection.ask('GET', '/')).status, 0);
});

test('a proxy passes on what it counts', async () => {
  await using server = await serve(
    (asked, answer) => void answer.writeHead(201, { 'x-path': asked.url }).end(asked.headers['x-auth-token']),
  );
  await using proxy = await CountingProxy.open(server.url);
  using connection = new Connection(proxy.url, 'token');
  const reply = await connection.ask('POST', '/v3/auth/tokens?nocatalog', { a: 1 });
  assert.deepEqual([reply.status, reply.body.toString()], [201, 'token']);
  assert.deepEqual([proxy.count('POST /v3/auth/tokens'), proxy.count('GET /v3/auth/tokens')], [1, 0]);
  assert.ok(proxy.url.endsWith('/v3'));
});
