// What was written is read again, also beyond the size that a writer began with; a reader stays within its part.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Garbled, Reader, Writer } from './bytes.ts';

test('a writer grows under every kind of write', () => {
  const w = new Writer(1);
  w.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0fn).hex('1011').bits(0x12131415n, 6).pad8(0);
  assert.equal(w.done().toString('hex'), '0102030405060708090a0b0c0d0e0f1011000012131415'.padEnd(48, '0'));
  const kinds: readonly ((w: Writer) => Writer)[] = [
    x => x.u8(1),
    x => x.u16(1),
    x => x.u32(1),
    x => x.u64(1n),
    x => x.hex('01'),
    x => x.bits(1n, 2),
  ];
  for (const write of kinds) assert.match(write(new Writer(0)).done().toString('hex'), /^0*1$/);
});

test('a reader takes no byte beyond its part', () => {
  const whole = new Reader(Buffer.from('0102030405060708', 'hex'));
  const part = whole.part(3);
  assert.equal(part.u16(), 0x0102);
  assert.throws(() => part.u16(), Garbled);
  assert.throws(() => part.skip(2), Garbled);
  assert.throws(() => part.part(-1), Garbled);
  assert.equal(part.u8(), 3);
  assert.equal(whole.u8(), 4);
  assert.throws(() => whole.u64(), Garbled);
  assert.throws(() => whole.bits(5), Garbled);
});
