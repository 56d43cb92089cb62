// Connections: bodies of strangers, clients that do not read, requests while the server begins and ends.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './harness.ts';
import { identity } from './people.ts';

const hello = (method: string, path: string, headers: Readonly<Record<string, string>>): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

interface Line {
  readonly socket: Socket;
  /** All that has come so far. */
  text(): string;
  readonly closed: Promise<void>;
}

function open(url: string, bytes: string): Line {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', chunk => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  socket.write(bytes);
  return { socket, text: () => text, closed };
}

async function within(what: string, check: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 5000; !check(); await sleep(10)) assert.ok(performance.now() < deadline, what);
}

describe('connections', () => {
  test('clients may be waited for as long as Neutron does', async () => {
    await using h = await start({ clientSocketTimeout: 900 });
    assert.equal((await fetch(h.server.url)).status, 200);
  });

  test('nothing of a body is kept for whom the server does not know: he is refused before it is there', async () => {
    await using h = await start();
    const long = { 'Content-Length': '10000000', 'Content-Type': 'application/json' };
    for (const token of ['', 'X-Auth-Token: stranger\r\n']) {
      const line = open(h.server.url, hello('POST', '/v2.0/networks', long).replace('\r\n\r\n', `\r\n${token}\r\n`));
      await within('a refusal', () => line.text().includes(' 401 '));
      line.socket.destroy();
    }
    // Who is known is waited for.
    const known = open(h.server.url, hello('POST', '/v2.0/networks', { ...long, 'Content-Length': '14', 'X-Auth-Token': 'member' }));
    await sleep(100);
    assert.equal(known.text(), '');
    known.socket.write('{"network":{}}');
    await within('a network', () => known.text().includes(' 201 '));
    known.socket.destroy();
    // And the connection of a stranger goes on behind his body.
    const body = 'x'.repeat(300_000);
    const headers = { 'Content-Length': String(body.length) };
    const next = hello('GET', '/v2.0/networks', { 'X-Auth-Token': 'member', Connection: 'close' });
    const stranger = open(h.server.url, `${hello('POST', '/v2.0/networks', headers)}${body}${next}`);
    await stranger.closed;
    assert.deepEqual(stranger.text().match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 401', 'HTTP/1.1 200']);
  });

  test('who does not read his answer is not waited for', async () => {
    await using h = await start({ clientSocketTimeout: 2 });
    const one = await (await fetch(`${h.server.url}/v2.0/openapi.json`)).text();
    const times = Math.ceil(40_000_000 / one.length);
    const line = open(h.server.url, hello('GET', '/v2.0/openapi.json', {}).repeat(times));
    line.socket.pause();
    await sleep(6000);
    line.socket.resume();
    await Promise.race([line.closed, within('all of it', () => line.text().length > times * one.length)]);
    assert.ok(line.text().length < times * one.length, 'all of it came, although nobody had read for long');
    // Who reads slowly, and reads, gets all.
    const slow = open(
      h.server.url,
      hello('GET', '/v2.0/openapi.json', {}).repeat(3) + hello('GET', '/healthcheck', { Connection: 'close' }),
    );
    for (let i = 0; i < 4; i++) {
      slow.socket.pause();
      await sleep(400);
      slow.socket.resume();
      await sleep(20);
    }
    await slow.closed;
    assert.ok(slow.text().endsWith('OK'));
  });

  test('a request that is there when the server ends is answered; one that would keep it for long is not', async () => {
    let asked = 0;
    const validate: typeof identity.validate = async (token, use) => {
      asked++;
      await sleep(token === 'member' ? 400 : 20_000, undefined, { ref: false });
      return identity.validate(token, use);
    };
    const h = await start({}, undefined, { identity: async () => ({ ...identity, validate }) });
    const { url } = h.server;
    const idle = open(url, hello('GET', '/healthcheck', {}));
    await within('it serves', () => idle.text().endsWith('OK'));
    const fine = open(url, hello('GET', '/v2.0/networks', { 'X-Auth-Token': 'member' }));
    const stuck = open(url, hello('GET', '/v2.0/networks', { 'X-Auth-Token': 'reader' }));
    await within('both are there', () => asked === 2);
    await h[Symbol.asyncDispose]();
    await Promise.all([fine.closed, stuck.closed, idle.closed]);
    assert.match(fine.text(), / 200 /);
    assert.equal(stuck.text(), '');
  });

  test('nobody is told that his token is wrong before the server knows tokens', async () => {
    let answer: Promise<Response> | undefined;
    const opening = async (url: string): Promise<typeof identity> => {
      answer = fetch(`${url}/v2.0/networks`, { headers: { 'x-auth-token': 'member' } });
      await sleep(300);
      return identity;
    };
    await using h = await start({}, undefined, { identity: opening });
    assert.ok(h.server.url);
    assert.equal((await answer)?.status, 200);
  });
});
