import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal } from './refusal.suite.ts';
import { checkRange, firstFree, nth, overlaps, sizeOf, union, without } from './segment-ranges.ts';

describe('ranges of segmentation ids', () => {
  test('are counted and indexed', () => {
    const ranges = [
      [5, 6],
      [10, 12],
    ] as const;
    assert.equal(sizeOf(ranges), 5);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map(n => nth(ranges, n)),
      [5, 6, 10, 11, 12],
    );
    assert.throws(() => nth(ranges, 5), RangeError);
  });

  test('are joined where they touch, and cut', () => {
    assert.deepEqual(
      union([
        [10, 12],
        [1, 4],
        [5, 6],
        [11, 20],
      ]),
      [
        [1, 6],
        [10, 20],
      ],
    );
    assert.deepEqual(
      without(
        [[1, 100]],
        [
          [10, 20],
          [15, 30],
          [90, 200],
        ],
      ),
      [
        [1, 9],
        [31, 89],
      ],
    );
    assert.deepEqual(without([[1, 3]], [[1, 3]]), []);
    assert.deepEqual(without([[1, 3]], []), [[1, 3]]);
  });

  test('overlap when they share an id', () => {
    assert.ok(overlaps([1, 5], [5, 9]) && overlaps([1, 9], [3, 4]) && !overlaps([1, 4], [5, 9]));
  });

  test('the first free id is found, or none', () => {
    assert.equal(
      firstFree(
        [
          [1, 3],
          [8, 9],
        ],
        id => id < 8,
      ),
      8,
    );
    assert.equal(
      firstFree([[1, 3]], () => true),
      undefined,
    );
  });

  test('stay in the bounds of their type, in order', () => {
    const refused = (type: string, range: readonly [number, number], bounds: readonly [number, number]): string =>
      refusal(() => checkRange(type, range, bounds))?.message ?? '';
    assert.equal(refused('vlan', [1, 4094], [1, 4094]), '');
    assert.equal(refused('vlan', [5, 5000], [1, 4094]), "Invalid network VLAN range: '5:5000' - '5000 is not a valid VLAN tag'.");
    assert.match(refused('vlan', [6, 5], [1, 4094]), /^Invalid network VLAN range: '6:5'/);
    assert.match(refused('vxlan', [5, 30_000_000], [1, 16_777_215]), /30000000 is not a valid vxlan identifier/);
    assert.match(refused('gre', [5, 3], [1, 4_294_967_295]), /End of tunnel range is less than start of tunnel range/);
  });
});
