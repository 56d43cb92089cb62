import assert from 'node:assert/strict';
import test from 'node:test';
import { serveMetrics } from './metrics.ts';

test('an address of /metrics that is taken is told by the name of its option', async () => {
  await using one = await serveMetrics({ host: '127.0.0.1', port: 0 }, async () => []);
  const port = Number(new URL(one.url).port);
  assert.equal((await fetch(one.url)).status, 200);
  await assert.rejects(
    serveMetrics({ host: '127.0.0.1', port }, async () => []),
    (error: Error) => /^metrics_listen: .*EADDRINUSE/.test(error.message) && !('code' in error),
  );
});
