import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { until } from '../../contracts/host/under-test.ts';
import { openPacketLog } from './packet-log.ts';
import { Syslog } from './syslog.ts';
import { textLog } from './text-log.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pl-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function heard(): { lines: string[]; log: ReturnType<typeof textLog> } {
  const lines: string[] = [];
  return { lines, log: textLog({ sink: { write: line => lines.push(line) } }) };
}

test('a file: lines as oslo.log writes them, and the path again when the file was moved away, without a signal', async t => {
  const folder = folderOf(t);
  const [path, moved] = [join(folder, 'packets.log'), join(folder, 'packets.log.1')];
  await using log = openPacketLog(path, { log: heard().log, tag: 'agent' });
  log.write('action=DROP pkt=one');
  renameSync(path, moved);
  log.write('action=DROP pkt=two\nforged');
  const form = (message: string): RegExp =>
    new RegExp(
      `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} ${process.pid} INFO neutron\\.services\\.logapi\\.drivers\\.openvswitch\\.ovs_firewall_log \\[-\\] ${message}\\n$`,
    );
  assert.match(readFileSync(moved, 'utf8'), form('action=DROP pkt=one'));
  assert.match(readFileSync(path, 'utf8'), form('action=DROP pkt=two\\\\nforged'));
});

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready', flush=True)
while True: print(s.recv(65536).decode(), flush=True)
`;

test('syslog: one datagram a line, with tag, process and priority; where nobody listens it is told, and tried again', async t => {
  const socket = join(folderOf(t), 'log');
  const { lines, log } = heard();
  await using dead = new Syslog({ tag: 'agent', log, socket });
  dead.write('lost');
  await until(() => lines.length > 0, 'the trouble is told');
  assert.match(lines[0] ?? '', /syslog does not take them.*No such file.*local_output_log_base/);
  const server = spawn('python3', ['-c', receiver, socket]);
  t.after(() => server.kill('SIGKILL'));
  let output = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await until(() => output.includes('ready'), 'syslog listens', 20_000);
  await using alive = new Syslog({ tag: 'agent', log, socket });
  const long = 'x'.repeat(3000);
  for (const line of ['one', 'two\nforged', long]) alive.write(line);
  await until(() => output.includes(long), 'all have come', 20_000);
  const told = output.split('\n').slice(1, 4);
  for (const [i, text] of ['one', 'two\\nforged', long].entries()) {
    assert.match(told[i] ?? '', new RegExp(`^<14>.*agent\\[${process.pid}\\]: `));
    assert.ok(told[i]?.endsWith(`: ${text}`), told[i]);
  }
});
