import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { runProgram } from '../program.ts';
import { stateFolder } from '../state.ts';
import { portStats } from './port-stats.ts';

const sample = (port: string, what: string, direction: string, value: number): string =>
  `weft_port_${what}_total{port_id="${port}",network_id="net-1",device="tap${port}"${direction === '' ? '' : `,direction="${direction}"`}} ${value}\n`;
const text = `# TYPE weft_port_bytes_total counter\n${sample('b', 'bytes', 'egress', 10)}${sample('b', 'packets', 'ingress', 3)}${sample('b', 'firewall_dropped', '', 7)}${sample('a', 'bytes', 'ingress', 1)}weft_ports{wired="yes"} 2\n`;

async function world(t: test.TestContext): Promise<(...argv: string[]) => Promise<{ status: number; out: string[] }>> {
  const state = mkdtempSync(join(tmpdir(), 'ps-'));
  const { run } = stateFolder(state);
  mkdirSync(run, { recursive: true });
  const server = createServer((asked, reply) => reply.writeHead(asked.url === '/metrics' ? 200 : 404).end(text));
  await new Promise<void>(resolve => server.listen(join(run, 'h1.metrics.sock'), resolve));
  t.after(() => {
    server.close();
    rmSync(state, { recursive: true });
  });
  return async (...argv) => {
    const out: string[] = [];
    const status = await runProgram([portStats], ['port', 'stats', '--state-dir', state, ...argv], {
      out: line => void out.push(line),
      err: line => void out.push(line),
    });
    return { status, out };
  };
}

test('ports of a running weft up, in columns and as JSON; what is not counted is a dash', async t => {
  const stats = await world(t);
  const { status, out } = await stats();
  assert.equal(status, 0);
  assert.deepEqual(
    out.map(line => line.split(/\s+/)),
    [
      ['PORT', 'DEVICE', ...['OUT', 'IN'].flatMap(s => ['PACKETS', 'BYTES', 'DROPPED', 'ERRORS'].map(c => `${s}-${c}`)), 'DENIED'],
      ['a', 'tapa', '-', '-', '-', '-', '-', '1', '-', '-', '-'],
      ['b', 'tapb', '-', '10', '-', '-', '3', '-', '-', '-', '7'],
    ],
  );
  assert.deepEqual(JSON.parse((await stats('b', '--json')).out.join('\n')), [
    { port_id: 'b', network_id: 'net-1', device: 'tapb', counters: { egress_bytes: 10, ingress_packets: 3, firewall_dropped: 7 } },
  ]);
});

test('what cannot be: no such port, no such place, no URL', async t => {
  const stats = await world(t);
  assert.deepEqual([(await stats('zzz')).status, (await stats('--metrics', 'ftp://x')).status], [1, 2]);
  const { status, out } = await stats('--metrics', 'http://127.0.0.1:1/metrics');
  assert.equal(status, 1);
  assert.match(out.join('\n'), /127\.0\.0\.1:1.*ECONNREFUSED/);
});
