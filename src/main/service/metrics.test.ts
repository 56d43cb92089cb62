import assert from 'node:assert/strict';
import test, { mock } from 'node:test';
import { Registry } from '../../adapters/metrics/registry.ts';
import type { Services } from '../../server/context.ts';
import { processMetrics, serveMetrics } from './metrics.ts';

test('a server that ends in a process that goes on no longer looks at its event loop', async () => {
  const set = mock.method(globalThis, 'setInterval');
  const cleared = mock.method(globalThis, 'clearInterval');
  const stack = new AsyncDisposableStack();
  const services = { metrics: new Registry([]), store: { statements: 0 } } as unknown as Services;
  const samples = await processMetrics(services, { up: undefined }, stack)(false);
  assert.ok(samples.some(({ name }) => name === 'nodejs_eventloop_lag_max_seconds'));
  assert.equal(set.mock.callCount(), 1);
  await stack.disposeAsync();
  assert.deepEqual(
    cleared.mock.calls.map(({ arguments: [timer] }) => timer),
    [set.mock.calls[0]?.result],
  );
  mock.restoreAll();
});

test('an address of /metrics that is taken is told by the name of its option', async () => {
  await using one = await serveMetrics({ host: '127.0.0.1', port: 0 }, async () => []);
  const port = Number(new URL(one.url).port);
  assert.equal((await fetch(one.url)).status, 200);
  await assert.rejects(
    serveMetrics({ host: '127.0.0.1', port }, async () => []),
    (error: Error) => /^metrics_listen: .*EADDRINUSE/.test(error.message) && !('code' in error),
  );
});
