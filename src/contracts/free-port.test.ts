// Free ports: no two are the same, whoever asks, and what others listen on is left out.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { freePort, freePorts } from './free-port.ts';

/** Prints some, and keeps them until it is told to end. */
const program = `
  const { freePorts } = await import(${JSON.stringify(import.meta.resolve('./free-port.ts'))});
  console.log(JSON.stringify(await freePorts(500)));
  process.stdin.on('data', () => process.exit());
`;

test('processes that ask at the same time get ports of their own, as long as they live', async t => {
  const askers = [0, 1].map(() => {
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
    return spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  });
  t.after(() => askers.map(asker => asker.kill('SIGKILL')));
  const answers = await Promise.all(
    askers.map(async ({ stdout }) => {
      let text = '';
      for await (const part of stdout as AsyncIterable<Buffer>) {
        text += part;
        if (text.endsWith('\n')) break;
      }
      return JSON.parse(text) as number[];
    }),
  );
  const all = [...answers.flat(), ...(await freePorts(200))];
  assert.equal(all.length, 1200);
  assert.equal(new Set(all).size, all.length);
  for (const port of all) assert.ok(port >= 1024 && port < 32_768);
});

test('a port that somebody listens on is not free; one that was asked for can be bound', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const there = new Set(await freePorts(200));
  assert.ok(!there.has(port));
  server.close();
});
