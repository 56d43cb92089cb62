// Signatures of DNS messages by a shared secret (TSIG, RFC 8945).
import { createHmac, timingSafeEqual } from 'node:crypto';
import { classes, lastRecord, nameBytes, readHeader, skipName, types, u16, u32 } from './wire.ts';

export const algorithms = { 'hmac-sha256': 'sha256', 'hmac-sha384': 'sha384', 'hmac-sha512': 'sha512' } as const;
export type Algorithm = keyof typeof algorithms;

export interface TsigKey {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly secret: Buffer;
}

const fudge = 300;
const time48 = (seconds: number): Buffer => Buffer.concat([u16(Math.floor(seconds / 2 ** 32)), u32(seconds % 2 ** 32)]);

/** What is signed besides the message: 4.3.3. */
function variables(key: TsigKey, time: Buffer, fudgeBytes: Buffer, error: Buffer, other: Buffer): Buffer {
  const head = [nameBytes(key.name), u16(classes.ANY), u32(0), nameBytes(key.algorithm)];
  return Buffer.concat([...head, time, fudgeBytes, error, u16(other.length), other]);
}

function mac(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(algorithms[key.algorithm], key.secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

export interface Signed {
  readonly message: Buffer;
  readonly mac: Buffer;
}

export function sign(message: Buffer, key: TsigKey, seconds: number): Signed {
  const time = time48(seconds);
  const none = Buffer.alloc(0);
  const signature = mac(key, [message, variables(key, time, u16(fudge), u16(0), none)]);
  const id = message.subarray(0, 2);
  const data = Buffer.concat([nameBytes(key.algorithm), time, u16(fudge), u16(signature.length), signature, id, u16(0), u16(0)]);
  const record = Buffer.concat([nameBytes(key.name), u16(types.TSIG), u16(classes.ANY), u32(0), u16(data.length), data]);
  const out = Buffer.concat([message, record]);
  out.writeUInt16BE(readHeader(message).counts[3] + 1, 10);
  return { message: out, mac: signature };
}

/** Whether an answer has a signature at all: a server does not sign for zones that it does not have, and says so of keys that it does not. */
export function isSigned(answer: Buffer): boolean {
  const last = lastRecord(answer);
  return last !== undefined && answer.readUInt16BE(last.fixed) === types.TSIG;
}

/** Whether an answer is signed with the key, as the answer to this request. */
export function isAnswerOf(request: Signed, answer: Buffer, key: TsigKey, seconds: number): boolean {
  const last = lastRecord(answer);
  if (!last || !isSigned(answer)) return false;
  const data = skipName(answer, last.fixed + 10);
  const time = answer.subarray(data, data + 6);
  const fudgeBytes = answer.subarray(data + 6, data + 8);
  const length = answer.readUInt16BE(data + 8);
  const given = answer.subarray(data + 10, data + 10 + length);
  const behind = data + 10 + length;
  const error = answer.subarray(behind + 2, behind + 4);
  const other = answer.subarray(behind + 6, behind + 6 + answer.readUInt16BE(behind + 4));
  const unsigned = Buffer.from(answer.subarray(0, last.start));
  unsigned.writeUInt16BE(readHeader(answer).counts[3] - 1, 10);
  answer.copy(unsigned, 0, behind, behind + 2);
  const wanted = mac(key, [u16(request.mac.length), request.mac, unsigned, variables(key, time, fudgeBytes, error, other)]);
  const signedAt = time.readUInt16BE(0) * 2 ** 32 + time.readUInt32BE(2);
  return given.length === wanted.length && timingSafeEqual(given, wanted) && Math.abs(signedAt - seconds) <= fudgeBytes.readUInt16BE(0);
}
