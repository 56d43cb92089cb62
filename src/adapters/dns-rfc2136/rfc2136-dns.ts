// Dynamic updates of a name server (RFC 2136), signed (RFC 8945), over TCP.
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { type DnsChange, DnsRefused, DnsUnavailable, type ExternalDns } from '../../contracts/dns.ts';
import type { Clock } from '../../engine/clock.ts';
import { isAnswerOf, isSigned, type Signed, sign, type TsigKey } from './tsig.ts';
import { readHeader, u16, updateMessage } from './wire.ts';

export interface Rfc2136Options {
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  /** Of records, seconds. */
  readonly ttl: number;
  readonly timeoutMs?: number;
}

/** Codes of a server that is not ready, rather than unwilling. */
const passing = ['SERVFAIL'];

export function rfc2136Dns(options: Rfc2136Options, clock: Clock): ExternalDns {
  return {
    async change(change: DnsChange): Promise<void> {
      const id = randomInt(65_536);
      const seconds = (): number => Math.floor(clock.now() / 1000);
      const request = sign(writable(id, change, options.ttl), options.key, seconds());
      const refusal = refusalIn(await exchange(options, request.message), { id, request, key: options.key, seconds: seconds() });
      if (refusal === undefined) return;
      if (passing.includes(refusal)) throw new DnsUnavailable(`the DNS server answered ${refusal} for the zone ${change.zone}`);
      throw new DnsRefused(refusal, change.zone);
    },
  };
}

/** Undefined: done. What is no answer to the question counts as none. */
function refusalIn(answer: Buffer, asked: { id: number; request: Signed; key: TsigKey; seconds: number }): string | undefined {
  const { id, request, key, seconds } = asked;
  try {
    const { id: answered, refusal } = readHeader(answer);
    if (answered !== id) throw new DnsUnavailable('the DNS server answered another question');
    // A zone that it does not have is refused without a signature, and must not hold up the others for ever. All else has to be signed.
    const isRefusal = refusal !== undefined && !isSigned(answer);
    if (!isRefusal && !isAnswerOf(request, answer, key, seconds))
      throw new DnsUnavailable(`the answer of the DNS server is not signed with the key ${key.name}`);
    return refusal;
  } catch (error) {
    if (error instanceof RangeError) throw new DnsUnavailable('the answer of the DNS server makes no sense', { cause: error });
    throw error;
  }
}

/** Two names that are right by themselves may be too long together: that is refused for good, before anybody is asked. */
function writable(id: number, change: DnsChange, ttl: number): Buffer {
  try {
    return updateMessage(id, change, ttl);
  } catch (error) {
    if (error instanceof RangeError) throw new DnsRefused(`FORMERR (${error.message})`, change.zone);
    throw error;
  }
}

const mostBytes = 65_537;

/** One question and its answer, each behind its length. */
function exchange({ host, port, timeoutMs = 5000 }: Rfc2136Options, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const chunks: Buffer[] = [];
    const fail = (why: string, cause?: unknown): void => {
      socket.destroy();
      reject(new DnsUnavailable(`the DNS server ${host}:${port}: ${why}`, { cause }));
    };
    socket.setTimeout(timeoutMs, () => fail('no answer'));
    socket.on('error', error => fail(error.message, error));
    socket.on('close', () => fail('closed the connection'));
    socket.on('connect', () => socket.write(Buffer.concat([u16(message.length), message])));
    socket.on('data', chunk => {
      chunks.push(chunk);
      const all = Buffer.concat(chunks);
      if (all.length > mostBytes) return fail('an answer that is too long');
      if (all.length < 2 || all.length < 2 + all.readUInt16BE(0)) return;
      resolve(all.subarray(2, 2 + all.readUInt16BE(0)));
      socket.destroy();
    });
  });
}
