// Asking for routers in chunks: what a slow, a failing and a senseless server leads to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bus, BusTimeout, RemoteError } from '../../contracts/bus.ts';
import { RouterSource, routerIds } from './rpc.ts';

function server(answer: (ids: readonly string[]) => unknown) {
  const sizes: number[] = [];
  const bus = {
    async call(_target: unknown, _method: string, args: Readonly<Record<string, unknown>>) {
      const ids = (args['router_ids'] ?? []) as readonly string[];
      sizes.push(ids.length);
      return answer(ids);
    },
  } as unknown as Bus;
  return { bus, sizes };
}
const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `r${i}`);

async function fetchAll(bus: Bus, n: number) {
  const got: string[] = [];
  const refused: string[] = [];
  for await (const batch of new RouterSource(bus, 'h1').fetch(ids(n), id => refused.push(id))) got.push(...batch.asked);
  return { got, refused };
}

test('256 at a time', async () => {
  const { bus, sizes } = server(() => []);
  assert.equal((await fetchAll(bus, 600)).got.length, 600);
  assert.deepEqual(sizes, [256, 256, 88]);
});

test('a server that takes too long is asked for fewer, down to 32, and remembered so', async () => {
  const { bus, sizes } = server(asked => {
    if (asked.length > 64) throw new BusTimeout('sync_routers', 60_000);
    return [];
  });
  assert.equal((await fetchAll(bus, 130)).got.length, 130);
  assert.deepEqual(sizes, [130, 128, 64, 64, 2]);
  const slow = server(() => {
    throw new BusTimeout('sync_routers', 60_000);
  });
  await assert.rejects(fetchAll(slow.bus, 256), BusTimeout);
  assert.equal(slow.sizes.at(-1), 32);
});

test('a router that the server fails on is found and left out', async () => {
  const { bus } = server(asked => {
    if (asked.includes('r77')) throw new RemoteError('KeyError', 'subnet');
    return [];
  });
  const { got, refused } = await fetchAll(bus, 200);
  assert.deepEqual(refused, ['r77']);
  assert.equal(got.length, 199);
});

test('a server that fails on everything is not asked for each router', async () => {
  const { bus, sizes } = server(() => {
    throw new RemoteError('DBError', 'away');
  });
  await assert.rejects(fetchAll(bus, 256), { excType: 'DBError' });
  assert.ok(sizes.length < 25, `${sizes.length} calls`);
});

test('an answer that is no list takes no router away', async () => {
  for (const answer of [null, {}, 'none']) {
    const { bus } = server(() => answer);
    await assert.rejects(fetchAll(bus, 1), /did not answer a list/);
    await assert.rejects(routerIds(bus, 'h1'), /did not answer a list/);
  }
});
