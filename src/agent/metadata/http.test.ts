// The metadata agent's socket as it changes hands.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openMetadataSocket } from './http.ts';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-md-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'metadata_proxy');
}

const ask = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const sent = request({ socketPath: path, path: '/', agent: false }, answer => {
      let text = '';
      answer.setEncoding('utf8').on('data', part => (text += part));
      answer.on('end', () => resolve(text));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });

const answering = (path: string, body: string): Promise<AsyncDisposable> =>
  openMetadataSocket({ path, respond: async () => ({ status: 200, type: 'text/plain', body }) });

/** Answers when it is told to. */
async function slow(path: string) {
  const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const socket = await openMetadataSocket({
    path,
    async respond() {
      asked.resolve();
      await go.promise;
      return { status: 200, type: 'text/plain', body: 'slow' };
    },
  });
  return { socket, asked: asked.promise, go: go.resolve };
}

test('another agent takes the socket over: who has asked the first is answered by it, who asks now by the second', async t => {
  const path = place(t);
  const first = await slow(path);
  const waiting = ask(path);
  await first.asked;
  await using _ = await answering(path, 'second');
  assert.equal(await ask(path), 'second');
  const ended = first.socket[Symbol.asyncDispose]();
  assert.equal(await ask(path), 'second', "the first one's end takes nothing away");
  first.go();
  assert.equal(await waiting, 'slow');
  await ended;
  assert.equal(await ask(path), 'second');
  assert.deepEqual(readdirSync(join(path, '..')), ['metadata_proxy']);
});

test('an agent that ends answers who has asked', async t => {
  const path = place(t);
  const { socket, asked, go } = await slow(path);
  const waiting = ask(path);
  await asked;
  const ended = socket[Symbol.asyncDispose]();
  await assert.rejects(ask(path), { code: 'ECONNREFUSED' });
  go();
  assert.equal(await waiting, 'slow');
  await ended;
});

test('nobody can connect before they may: the socket has its mode when it gets its name', async t => {
  const path = place(t);
  await using _ = await openMetadataSocket({ path, mode: 0o600, respond: () => Promise.reject(new Error('nobody asks')) });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a name that no socket can have is refused, and leaves nothing', async t => {
  const folder = join(place(t), '..');
  await assert.rejects(answering(join(folder, 'x'.repeat(108)), ''), /longer than the 107 bytes/);
  assert.deepEqual(readdirSync(folder), []);
});
