import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAnswerOf, isSigned, sign, type TsigKey } from './tsig.ts';
import { nameBytes, readHeader, updateMessage } from './wire.ts';

const key: TsigKey = { name: 'weft', algorithm: 'hmac-sha256', secret: Buffer.from('secret of the test') };
const change = { zone: 'example.', add: [{ name: 'web.example.', type: 'A', data: '10.0.0.5' }] } as const;

describe('updates of the DNS', () => {
  test('the bytes of an update are those of RFC 2136', () => {
    const message = updateMessage(0x1234, { ...change, absent: ['web.example.'], remove: [] }, 60);
    const hex = [
      '1234 2800 0001 0002 0001 0000',
      '076578616d706c6500 0006 0001',
      '03776562076578616d706c6500 0001 00fe 00000000 0000',
      '03776562076578616d706c6500 001c 00fe 00000000 0000',
      '03776562076578616d706c6500 0001 0001 0000003c 0004 0a000005',
    ];
    assert.equal(message.toString('hex'), hex.join('').replaceAll(' ', ''));
  });

  test('what must be there alone is compared with its data, and the other kind of address must not be there', () => {
    const only = [{ name: 'web.example.', type: 'A', data: '10.0.0.5' }] as const;
    const hex = [
      '1234 2800 0001 0002 0000 0000',
      '076578616d706c6500 0006 0001',
      '03776562076578616d706c6500 0001 0001 00000000 0004 0a000005',
      '03776562076578616d706c6500 001c 00fe 00000000 0000',
    ];
    assert.equal(updateMessage(0x1234, { zone: 'example.', only }, 60).toString('hex'), hex.join('').replaceAll(' ', ''));
  });

  test('names and addresses that are none are not sent', () => {
    assert.throws(() => nameBytes(`${'a'.repeat(64)}.b`), RangeError);
    assert.throws(() => nameBytes(`${'abc.'.repeat(70)}`), RangeError);
    assert.throws(() => updateMessage(1, { zone: 'x.', add: [{ name: 'a.x.', type: 'A', data: '::1' }] }, 60), RangeError);
  });

  test('a signed message has one record more, and only the key makes it', () => {
    const message = updateMessage(7, change, 60);
    const signed = sign(message, key, 1_700_000_000);
    assert.equal(readHeader(signed.message).counts[3], 1);
    assert.ok(isSigned(signed.message) && !isSigned(message));
    const other = sign(message, { ...key, secret: Buffer.from('another') }, 1_700_000_000);
    assert.notDeepEqual(signed.mac, other.mac);
  });

  test('an answer counts only for its question, unchanged, in its time', () => {
    const request = sign(updateMessage(7, change, 60), key, 1_700_000_000);
    // What a server does: the MAC of the question goes before the answer's own bytes.
    const plain = Buffer.from('0007a8000001000000000000076578616d706c650000060001', 'hex');
    const answer = answerTo(request.mac, plain, 1_700_000_001);
    assert.ok(isAnswerOf(request, answer, key, 1_700_000_000));
    assert.ok(!isAnswerOf({ ...request, mac: Buffer.alloc(32) }, answer, key, 1_700_000_000));
    assert.ok(!isAnswerOf(request, answer, key, 1_700_009_000));
    const changed = Buffer.from(answer);
    changed[3] = 5;
    assert.ok(!isAnswerOf(request, changed, key, 1_700_000_000));
    assert.ok(!isAnswerOf(request, plain, key, 1_700_000_000));
  });
});

/** Signs as `sign` does, but for the MAC of the question before it. */
function answerTo(mac: Buffer, plain: Buffer, seconds: number): Buffer {
  const before = Buffer.concat([Buffer.from([0, mac.length]), mac]);
  const record = sign(Buffer.concat([before, plain]), key, seconds).message.subarray(before.length + plain.length);
  const out = Buffer.concat([plain, record]);
  // The id in the record is that of the message.
  plain.copy(out, out.length - 6, 0, 2);
  out.writeUInt16BE(1, 10);
  return out;
}
