// How much of a body is taken in: of a stranger's nothing is kept, and he is answered before all of it is there.
import { pipeline, Readable, Transform } from 'node:stream';
import type { FastifyRequest, RequestPayload } from 'fastify';

export const hasBody = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** A body of which the first `most` bytes are kept. What was announced counts as received: the rest is read by the connection. */
export function keepFirst(payload: RequestPayload, most: number, headers: FastifyRequest['headers']): RequestPayload {
  if (most === Number.POSITIVE_INFINITY) return payload;
  const announced = headers['content-length'];
  const kept: RequestPayload = most === 0 ? nothingOf(payload) : pipeline(payload, firstBytes(most), () => {});
  return Object.assign(kept, announced === undefined ? {} : { receivedEncodedLength: Number(announced) });
}

function nothingOf(payload: RequestPayload): Readable {
  payload.resume();
  return Readable.from([]);
}

function firstBytes(most: number): Transform {
  let left = most;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      done(null, part);
    },
  });
}
