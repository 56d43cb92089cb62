import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeFrame, FrameReader } from './frames.ts';

const read = (reader: FrameReader, bytes: Buffer) => [...reader.push(bytes)].map(f => [f.header['n'], f.body]);

test('frames survive any cut of the stream', () => {
  const bodies = ['', 'x', 'z水🎉', 'y'.repeat(70_000)];
  const stream = Buffer.concat(bodies.map((body, n) => encodeFrame({ n }, body)));
  for (const size of [1, 2, 3, 5, 7, 64, 65_536, stream.length]) {
    const reader = new FrameReader(100_000);
    const got: unknown[] = [];
    for (let at = 0; at < stream.length; at += size) got.push(...read(reader, stream.subarray(at, at + size)));
    assert.deepEqual(
      got,
      bodies.map((body, n) => [n, body]),
    );
  }
});

test('the limit is exact', () => {
  const frame = encodeFrame({ n: 1 }, 'abc');
  assert.equal(read(new FrameReader(frame.length - 4), frame).length, 1);
  assert.throws(() => read(new FrameReader(frame.length - 5), frame), /the limit is/);
});

test('a length above the limit is refused before anything is collected', () => {
  assert.throws(() => read(new FrameReader(1000), Buffer.from([0x7f, 0xff, 0xff, 0xff])), { name: 'FrameError' });
});

test('junk never yields a frame', () => {
  let seed = 7;
  const random = (): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed & 0xff;
  };
  for (let round = 0; round < 300; round++) {
    const junk = Buffer.from(Array.from({ length: 40 }, random));
    junk[0] = 0;
    junk[1] = 0;
    try {
      assert.deepEqual(read(new FrameReader(1000), junk), []);
    } catch (error) {
      assert.equal((error as Error).name, 'FrameError');
    }
  }
});
