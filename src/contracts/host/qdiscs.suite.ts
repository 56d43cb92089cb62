// What every door to queueing disciplines must do.
import assert from 'node:assert/strict';
import test from 'node:test';
import { inNamespace, type OpenHost } from './under-test.ts';

export function qdiscsContract(name: string, open: OpenHost): void {
  test(`qdiscs ${name}: a shaper is put on a device, changed, and taken away; what the kernel gives is told from it`, {
    timeout: 30_000,
  }, async () => {
    await using under = await open();
    await inNamespace(under, async ns => {
      const { links, qdiscs } = under.host;
      await links.apply(ns, [
        { do: 'add-link', link: { kind: 'veth', name: 'qa', peer: 'qb' } },
        { do: 'set-link', name: 'qa', up: true },
      ]);
      const roots = async () => (await qdiscs.list(ns)).filter(q => q.dev === 'qa' && q.at === 'root');
      assert.deepEqual(
        (await roots()).map(q => q.handle),
        ['0:'],
      );
      const shaper = { rate: 250_000, burst: 12_500, latencyMs: 50 };
      assert.deepEqual(await qdiscs.apply(ns, [{ do: 'shape', dev: 'qa', shaper }]), []);
      const [shaped] = await roots();
      assert.deepEqual([shaped?.kind, shaped?.shaper?.rate, shaped?.shaper?.latencyMs], ['tbf', 250_000, 50]);
      assert.ok(Math.abs((shaped?.shaper?.burst ?? 0) - 12_500) < 64);
      assert.notEqual(shaped?.handle, '0:');
      assert.deepEqual(await qdiscs.apply(ns, [{ do: 'shape', dev: 'qa', shaper: { ...shaper, rate: 500_000 } }]), []);
      assert.equal((await roots())[0]?.shaper?.rate, 500_000);
      assert.deepEqual(await qdiscs.apply(ns, [{ do: 'delete', dev: 'qa', at: 'root' }]), []);
      assert.deepEqual(
        (await roots()).map(q => q.handle),
        ['0:'],
      );
    });
  });

  test(`qdiscs ${name}: what is refused is named, the others are done`, { timeout: 30_000 }, async () => {
    await using under = await open();
    await inNamespace(under, async ns => {
      const { links, qdiscs } = under.host;
      await links.apply(ns, [{ do: 'add-link', link: { kind: 'veth', name: 'qa', peer: 'qb' } }]);
      const shaper = { rate: 1000, burst: 2000, latencyMs: 50 };
      const refused = await qdiscs.apply(ns, [
        { do: 'shape', dev: 'nobody', shaper },
        { do: 'delete', dev: 'qa', at: 'root' },
        { do: 'shape', dev: 'qa', shaper },
      ]);
      assert.deepEqual(
        refused.map(r => r.index),
        [0, 1],
      );
      assert.equal((await qdiscs.list(ns)).find(q => q.dev === 'qa' && q.at === 'root')?.kind, 'tbf');
    });
  });
}
