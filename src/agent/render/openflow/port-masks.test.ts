// Ranges become masks that cover each port of theirs once and no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portMasks } from './port-masks.ts';

test('ranges as masks', () => {
  assert.deepEqual(portMasks({ min: 22, max: 22 }), [22]);
  assert.deepEqual(portMasks({ min: 0, max: 65_535 }), [{ value: 0, mask: 0 }]);
  assert.deepEqual(portMasks({ min: 1000, max: 1999 }), [
    { value: 1000, mask: 0xfff8 },
    { value: 1008, mask: 0xfff0 },
    { value: 1024, mask: 0xfe00 },
    { value: 1536, mask: 0xff00 },
    { value: 1792, mask: 0xff80 },
    { value: 1920, mask: 0xffc0 },
    { value: 1984, mask: 0xfff0 },
  ]);
});

test('each port of the range is covered once, no other is, and there are few masks', () => {
  const ends = [0, 1, 2, 7, 8, 21, 255, 256, 1023, 1024, 32_767, 32_768, 49_151, 65_534, 65_535];
  for (const min of ends) {
    for (const max of ends.filter(e => e >= min)) {
      const covered = new Uint8Array(65_536);
      const masks = portMasks({ min, max });
      assert.ok(masks.length <= 30, `${min}:${max}`);
      for (const m of masks) {
        const { value, mask } = typeof m === 'number' ? { value: m, mask: 0xffff } : m;
        for (let port = value; port <= (value | (0xffff & ~mask)); port++) covered[port]!++;
      }
      for (let port = 0; port < 65_536; port++)
        if (covered[port] !== (port >= min && port <= max ? 1 : 0)) assert.fail(`${min}:${max} ${port}`);
    }
  }
});
