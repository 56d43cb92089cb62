// A message as AMQP carries it: the properties that oslo.messaging sets, and the text inside.
import { promisify } from 'node:util';
import { deflate, inflateSync } from 'node:zlib';
import type { Message, Options } from 'amqplib';
import type { AmqpOptions } from './options.ts';

/** What RabbitMQ takes at most, unless it is told otherwise. */
export const maxMessageBytes = 128 * 1024 * 1024;

const deflated = promisify(deflate);

/** Kombu names its zlib "gzip". */
const zlibName = 'application/x-gzip';

export async function contentOf(body: string, compression: AmqpOptions['compression']): Promise<Buffer> {
  const content = Buffer.from(body);
  return compression === 'gzip' ? deflated(content) : content;
}

/** A header is one frame, which a broker may limit to as little as 8 KiB. */
const maxHeaderBytes = 7000;

/** No queue is bound to a longer one. */
const maxKeyBytes = 255;

/** Keys in lists that fit into a header each. One that is too long is nobody's, and is left out: it must not keep the others from being told. */
export function inHeaders(keys: readonly string[]): string[][] {
  const lists: string[][] = [];
  let room = 0;
  for (const key of keys) {
    const bytes = Buffer.byteLength(key) + 5;
    if (bytes > maxKeyBytes + 5) continue;
    if (lists.length === 0 || bytes > room) {
      lists.push([]);
      room = maxHeaderBytes;
    }
    lists.at(-1)!.push(key);
    room -= bytes;
  }
  return lists;
}

export function propertiesOf(expirationMs: number | undefined, compression: AmqpOptions['compression']): Options.Publish {
  return {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    deliveryMode: 2,
    priority: 0,
    headers: compression === 'gzip' ? { compression: zlibName } : {},
    ...(expirationMs === undefined ? {} : { expiration: String(expirationMs) }),
  };
}

/** Throws when the content is nothing that oslo.messaging would read either. */
export function textOf({ content, properties }: Message): string {
  const { contentType, headers } = properties;
  if (contentType !== 'application/json') throw new Error(`content type ${JSON.stringify(contentType)}`);
  return inflated(content, headers?.['compression']).toString('utf8');
}

function inflated(content: Buffer, compression: unknown): Buffer {
  if (compression === undefined) return content;
  if (compression === zlibName) return inflateSync(content, { maxOutputLength: maxMessageBytes });
  throw new Error(`compression ${JSON.stringify(compression)}`);
}

/** An upper bound: how long it waited in its queue, nobody says. */
export function expiryOf({ properties }: Message, nowMs: number): number | undefined {
  const ms = Number(properties.expiration);
  return properties.expiration === undefined || !Number.isFinite(ms) ? undefined : nowMs + ms;
}
