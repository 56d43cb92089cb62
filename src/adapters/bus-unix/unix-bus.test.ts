import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { busContract } from '../../contracts/bus.suite.ts';
import type { Bus, RpcHandler } from '../../contracts/bus.ts';
import { systemClock as clock } from '../clock/system-clock.ts';
import { textLog } from '../log/text-log.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { connectUnixBus } from './unix-bus.ts';
import { UnixHub, type UnixHubOptions } from './unix-hub.ts';

const silent = textLog({ sink: { write: () => {} } });
const directory = mkdtempSync(join(tmpdir(), 'weft-bus-'));
let count = 0;
const newPath = (): string => join(directory, `${count++}.sock`);
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const listen = (path: string, options: Partial<UnixHubOptions> = {}): Promise<UnixHub> =>
  UnixHub.listen(path, { clock, log: silent, ...options });
const connect = (path: string): Promise<Bus> => connectUnixBus(path, { clock, log: silent, connectMs: 5000 });

async function buses(pick: (hub: UnixHub, path: string) => Promise<[Bus, Bus]>) {
  const path = newPath();
  const hub = await listen(path);
  const [a, b] = await pick(hub, path);
  return {
    a,
    b,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}
busContract('unix, client to client', () => buses(async (_, path) => [await connect(path), await connect(path)]));
busContract('unix, hub to client', () => buses(async (hub, path) => [hub.bus, await connect(path)]));
busContract('unix, client to hub', () => buses(async (hub, path) => [await connect(path), hub.bus]));

const server = (topic: string, methods: Record<string, RpcHandler>, name = 'h') => ({
  topic,
  server: name,
  endpoints: [{ version: '1.0', methods }],
});
const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 3000; i++) {
    if (await what()) return;
    await clock.sleep(10);
  }
  assert.fail(`never: ${what}`);
};

test('the socket is for its owner only, and goes with the hub', async () => {
  const path = newPath();
  const before = process.umask();
  const hub = await listen(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(process.umask(), before);
  await hub[Symbol.asyncDispose]();
  assert.equal(existsSync(path), false);
});

test('a living hub is not replaced; a dead socket is; anything else at the path stays', async () => {
  const path = newPath();
  const hub = await listen(path);
  await assert.rejects(listen(path), { code: 'EADDRINUSE' });
  await using client = await connect(path);
  await client.cast({ topic: 'still there' }, 'm', {});
  await hub[Symbol.asyncDispose]();

  const dead = newPath();
  await deadSocket(dead);
  await using second = await listen(dead);
  assert.equal(second.clients, 0);

  const file = newPath();
  writeFileSync(file, 'precious');
  await assert.rejects(listen(file), { code: 'EADDRINUSE' });
  await assert.rejects(listen(`/tmp/${'x'.repeat(120)}`), /longer than 107 bytes/);
});

/** A socket file whose listener is gone, as after kill -9. */
async function deadSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  const code = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', code, path]);
  assert.ok(statSync(path).isSocket());
}

test('without a hub, connecting ends after its time; a hub that comes late is found', async () => {
  const path = newPath();
  await assert.rejects(connectUnixBus(path, { clock, log: silent, connectMs: 100 }), { name: 'BusUnavailable' });
  const late = connect(path);
  await clock.sleep(120);
  await using _hub = await listen(path);
  await using client = await late;
  await client.cast({ topic: 't' }, 'm', {});
});

test('a client comes back by itself: servers serve again, listeners are told, waiting calls go through', async () => {
  const path = newPath();
  const first = await listen(path);
  await using a = await connect(path);
  await using b = await connect(path);
  const heard: boolean[] = [];
  b.onUp(up => heard.push(up));
  await b.serve(server('t', { who: () => 'b' }));
  assert.equal(await a.call({ topic: 't' }, 'who', {}), 'b');

  await first[Symbol.asyncDispose]();
  await until(() => heard.length === 1);
  const waiting = a.cast({ topic: 'u' }, 'm', {});
  await clock.sleep(50);
  await using _second = await listen(path);
  await until(() => heard.length === 2);
  await waiting;
  await until(async () => (await a.call({ topic: 't', server: 'h' }, 'who', {}, { timeoutMs: 300 }).catch(() => '')) === 'b');
  assert.deepEqual(heard, [false, true]);
});

test('what was under way when the connection went ends with BusUnavailable and is not executed twice', async () => {
  const path = newPath();
  const hub = await listen(path);
  await using a = await connect(path);
  let runs = 0;
  await hub.bus.serve(
    server('t', {
      hang: () => {
        runs++;
        return new Promise(() => {});
      },
    }),
  );
  const call = assert.rejects(a.call({ topic: 't' }, 'hang', {}), { name: 'BusUnavailable' });
  await until(() => runs === 1);
  await hub[Symbol.asyncDispose]();
  await call;
  await using second = await listen(path);
  await second.bus.serve(server('t', { hang: () => runs++, ping: () => 'pong' }));
  assert.equal(await a.call({ topic: 't' }, 'ping', {}), 'pong');
  assert.equal(runs, 1);
});

test('while the hub is away a call waits within its own time, and is not sent afterwards', async () => {
  const path = newPath();
  const hub = await listen(path);
  await using a = await connect(path);
  const down = new Promise<void>(resolve => a.onUp(up => up || resolve()));
  await hub[Symbol.asyncDispose]();
  await down;
  const began = performance.now();
  await assert.rejects(a.call({ topic: 't' }, 'm', {}, { timeoutMs: 80 }), { name: 'BusTimeout' });
  await assert.rejects(a.cast({ topic: 't' }, 'm', {}, { timeoutMs: 80 }), { name: 'BusUnavailable' });
  assert.ok(performance.now() - began < 1500);
  const got: unknown[] = [];
  await using second = await listen(path);
  await second.bus.serve(server('t', { m: () => void got.push('stale'), ping: () => 1 }));
  assert.equal(await a.call({ topic: 't' }, 'ping', {}), 1);
  assert.deepEqual(got, []);
});

test('a bus can be closed while the hub is away, with calls and servers that wait for it', async () => {
  const path = newPath();
  const hub = await listen(path);
  const a = await connect(path);
  const down = new Promise<void>(resolve => a.onUp(up => up || resolve()));
  await hub[Symbol.asyncDispose]();
  await down;
  const waiting = [a.call({ topic: 't' }, 'm', {}), a.cast({ topic: 't' }, 'm', {}), a.serve(server('t', {}))];
  const ended = Promise.all(waiting.map(each => assert.rejects(each, { name: 'BusUnavailable' })));
  await a[Symbol.asyncDispose]();
  await ended;
});

test('a client cut off with messages that it had not begun: they wait for it, in order, and none runs twice', async () => {
  const path = newPath();
  await using hub = await listen(path);
  const got: unknown[] = [];
  // A client by hand, which never says that it has begun anything.
  const raw = await rawClient(path);
  raw.say({ op: 'listen', id: 1, topic: 't', server: 'h' });
  await raw.heard('done');
  for (let n = 0; n < 200; n++) await hub.bus.cast({ topic: 't', server: 'h' }, 'm', { n });
  await raw.heard('deliver');
  raw.socket.destroy();
  await until(() => hub.clients === 0);
  await using b = await connect(path);
  await b.serve(server('t', { m: args => void got.push(args['n']) }));
  await until(() => got.length === 200);
  assert.deepEqual(
    got,
    Array.from({ length: 200 }, (_, n) => n),
  );
});

test('a client that does not read holds no more than a window, and is cut off when it misses messages', async () => {
  const path = newPath();
  const lines: string[] = [];
  await using hub = await listen(path, { limits: { messages: 100 }, log: textLog({ sink: { write: l => lines.push(l) } }) });
  const raw = await rawClient(path);
  raw.say({ op: 'listen', id: 1, topic: 't', server: 'h' });
  await raw.heard('done');
  await using healthy = await connect(path);
  let got = 0;
  await healthy.serve(server('t', { m: () => void got++ }, 'healthy'));
  raw.socket.pause();
  let closed = false;
  raw.socket.on('close', () => {
    closed = true;
  });
  const body = 'x'.repeat(2000);
  for (let n = 0; n < 400; n++) {
    await hub.bus.cast({ topic: 't', fanout: true }, 'm', { n, body });
    // Time for the healthy one to keep up.
    if (n % 20 === 0) await clock.sleep(5);
  }
  await until(() => got === 400);
  raw.socket.resume();
  await until(() => closed);
  assert.ok(lines.some(line => line.includes('too slow')));
});

for (const [what, bytes] of malformed()) {
  test(`malformed: ${what} ends that connection with a logged reason, and nothing else`, async () => {
    const path = newPath();
    const lines: string[] = [];
    await using hub = await listen(path, { log: textLog({ sink: { write: l => lines.push(l) } }), maxFrameBytes: 1024 * 1024 });
    await using good = await connect(path);
    await good.serve(server('t', { ping: () => 'pong' }));
    const socket = createConnection(path);
    socket.on('error', () => {});
    const closed = new Promise(resolve => socket.once('close', resolve));
    socket.resume().write(bytes);
    await closed;
    await until(() => hub.clients === 1);
    assert.ok(
      lines.some(line => line.includes('bus client dropped')),
      lines.join(''),
    );
    assert.equal(await hub.bus.call({ topic: 't' }, 'ping', {}), 'pong');
  });
}

function malformed(): [string, Buffer][] {
  const hello = encodeFrame({ op: 'hello', version: 1, name: 'raw' });
  const header = (bytes: Buffer): Buffer => {
    const frame = Buffer.alloc(8 + bytes.length);
    frame.writeUInt32BE(4 + bytes.length, 0);
    frame.writeUInt32BE(bytes.length, 4);
    bytes.copy(frame, 8);
    return frame;
  };
  const after = (said: object): Buffer => Buffer.concat([hello, encodeFrame(said)]);
  return [
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a frame of 4 GiB', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame of no bytes', Buffer.alloc(8)],
    ['a header longer than its frame', Buffer.from([0, 0, 0, 5, 0, 0, 0, 9, 1])],
    ['a header that is not JSON', header(Buffer.from('{nope'))],
    ['a header that is not an object', header(Buffer.from('[]'))],
    ['another protocol version', encodeFrame({ op: 'hello', version: 99, name: 'raw' })],
    ['speaking before hello', encodeFrame({ op: 'listen', id: 1, topic: 't', server: 's' })],
    ['hello twice', after({ op: 'hello', version: 1, name: 'raw' })],
    ['an unknown operation', after({ op: 'shutdown' })],
    ['a topic that is not text', after({ op: 'listen', id: 1, topic: {}, server: 's' })],
    ['a route to nowhere', after({ op: 'publish', id: 1, route: { to: 'everybody' } })],
    ['a negative id', after({ op: 'publish', id: -1, route: { to: 'topic', topic: 't' } })],
    [
      'taking what was not given',
      Buffer.concat([after({ op: 'listen', id: 1, topic: 't', server: 's' }), encodeFrame({ op: 'took', subscription: 1, count: 5 })]),
    ],
  ];
}

test('a message that is no oslo envelope is dropped by the listener, which goes on', async () => {
  const path = newPath();
  await using hub = await listen(path);
  const lines: string[] = [];
  await using b = await connectUnixBus(path, { clock, log: textLog({ sink: { write: l => lines.push(l) } }) });
  await b.serve(server('t', { ping: () => 'pong' }));
  const raw = await rawClient(path);
  for (const body of [
    '',
    'junk',
    '[]',
    '{"oslo.version":"3.0","oslo.message":"{}"}',
    '{"oslo.version":"2.0","oslo.message":"{\\"method\\":5}"}',
  ]) {
    raw.socket.write(encodeFrame({ op: 'publish', id: 1, route: { to: 'topic', topic: 't' } }, body));
  }
  await until(() => lines.length === 5);
  assert.ok(lines.every(line => line.includes('malformed message dropped')));
  assert.equal(await hub.bus.call({ topic: 't' }, 'ping', {}), 'pong');
  raw.socket.destroy();
});

test('a message above the limit is refused where it is made; a result above it becomes a failure', async () => {
  const path = newPath();
  await using hub = await listen(path, { maxFrameBytes: 100_000 });
  await using a = await connectUnixBus(path, { clock, log: silent, maxFrameBytes: 100_000 });
  await a.serve(server('t', { big: () => 'x'.repeat(200_000), ok: () => 1 }));
  await assert.rejects(a.cast({ topic: 't' }, 'ok', { big: 'x'.repeat(200_000) }), { name: 'MessageTooLarge' });
  await assert.rejects(hub.bus.call({ topic: 't' }, 'big', {}), { excType: 'MessageTooLarge' });
  assert.equal(await hub.bus.call({ topic: 't' }, 'ok', {}), 1);
});

test('more connections than allowed are refused, and the others work on', async () => {
  const path = newPath();
  await using hub = await listen(path, { maxConnections: 1 });
  await using a = await connect(path);
  await assert.rejects(connectUnixBus(path, { clock, log: silent, connectMs: 150 }), { name: 'BusUnavailable' });
  await a.serve(server('t', { ping: () => 1 }));
  assert.equal(await hub.bus.call({ topic: 't' }, 'ping', {}), 1);
});

test('a hub that answers nonsense is not believed', async () => {
  const path = newPath();
  const fake = createServer(socket => {
    socket.on('error', () => {});
    socket.resume().write('SSH-2.0-OpenSSH_9.2\r\n');
  });
  await new Promise<void>(resolve => fake.listen(path, resolve));
  chmodSync(path, 0o600);
  await assert.rejects(connectUnixBus(path, { clock, log: silent, connectMs: 150 }), { name: 'BusUnavailable' });
  await new Promise(resolve => fake.close(resolve));
});

async function rawClient(path: string) {
  const socket: Socket = createConnection(path);
  socket.on('error', () => {});
  const reader = new FrameReader(64 * 1024 * 1024);
  const said: string[] = [];
  socket.on('data', chunk => {
    for (const { header } of reader.push(chunk)) said.push(String(header['op']));
  });
  const say = (header: object): void => void socket.write(encodeFrame(header));
  const heard = (op: string): Promise<void> => until(() => said.includes(op));
  say({ op: 'hello', version: 1, name: 'raw' });
  await heard('welcome');
  return { socket, say, heard };
}
