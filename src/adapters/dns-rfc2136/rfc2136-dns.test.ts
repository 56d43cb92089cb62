import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { DnsRefused, DnsUnavailable } from '../../contracts/dns.ts';
import { systemClock } from '../clock/system-clock.ts';
import { rfc2136Dns } from './rfc2136-dns.ts';

const key = { name: 'weft', algorithm: 'hmac-sha256', secret: Buffer.alloc(32) } as const;
// Nobody listens on port 1.
const dns = rfc2136Dns({ host: '127.0.0.1', port: 1, key, ttl: 60 }, systemClock);
const change = (name: string) => ({ zone: 'example.', add: [{ name, type: 'A', data: '192.0.2.1' } as const] });

test('a name that no message can carry is refused for good, and not tried for ever', async () => {
  const long = `${'a'.repeat(60)}.`.repeat(5);
  await assert.rejects(dns.change(change(`${long}example.`)), DnsRefused);
  await assert.rejects(dns.change(change(`${'a'.repeat(64)}.example.`)), DnsRefused);
  await assert.rejects(dns.change(change('a.example.')), DnsUnavailable);
});

test('an answer that makes no sense is none: the change is tried again', async () => {
  for (const words of ['', '1234', 'ffffa8000001000000000000', '0000a8000001000000000001c00c00fa']) {
    const body = Buffer.from(words, 'hex');
    const server = createServer(socket => {
      socket.on('error', () => {});
      // With the id of the question, where there is room for it.
      socket.once('data', (question: Buffer) => {
        question.copy(body, 0, 2, 4);
        socket.write(Buffer.concat([Buffer.from([0, body.length]), body]));
      });
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      await assert.rejects(
        rfc2136Dns({ host: '127.0.0.1', port, key, ttl: 60 }, systemClock).change(change('a.example.')),
        DnsUnavailable,
        words,
      );
    } finally {
      await new Promise(resolve => server.close(resolve));
    }
  }
});
