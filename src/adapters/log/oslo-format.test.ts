import assert from 'node:assert/strict';
import test from 'node:test';
import { logContract } from '../../contracts/log.suite.ts';
import { jsonLine, osloLine } from './oslo-format.ts';
import { textLog } from './text-log.ts';

for (const [name, format] of [
  ['oslo', osloLine],
  ['json', jsonLine],
] as const)
  logContract(name, level => {
    const written: string[] = [];
    const log = textLog({ level, format, sink: { write: line => written.push(line) } });
    return {
      log,
      lines: () =>
        written.map(line => {
          assert.ok(line.endsWith('\n') && line.indexOf('\n') === line.length - 1, JSON.stringify(line));
          if (name === 'json') JSON.parse(line);
          return line.slice(0, -1);
        }),
    };
  });

const fields = { name: 'server', request_id: 'req-1', global_request_id: 'req-0', user_id: 'u', project_id: 'p', ms: 12, path: 'a b' };
const at = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();

test('the layout of a text line is that of oslo.log', () => {
  assert.equal(
    osloLine(at, 'info', 'slow', fields),
    `2026-01-02 03:04:05.006 ${process.pid} INFO server [req-0 req-1 u p - - - -] slow ms=12 path="a b"\n`,
  );
  assert.equal(osloLine(at, 'warning', 'alone', { name: 'server' }), `2026-01-02 03:04:05.006 ${process.pid} WARNING server [-] alone\n`);
});

test('the fields of a JSON line are those of oslo.log', () => {
  const line = JSON.parse(jsonLine(at, 'error', 'slow', { ...fields, error: new TypeError('no "x"') }));
  const { message, asctime, levelname, levelno, created, msecs, process: pid, context, extra, error_summary, traceback } = line;
  assert.deepEqual([message, asctime, levelname, levelno], ['slow', '2026-01-02 03:04:05,006', 'ERROR', 40]);
  assert.deepEqual([created, msecs, pid, error_summary], [at / 1000, 6, process.pid, 'TypeError: no "x"']);
  assert.deepEqual(context, {
    request_id: 'req-1',
    global_request_id: 'req-0',
    user_id: 'u',
    project_id: 'p',
    user_identity: 'u p - - - -',
  });
  assert.deepEqual(extra, { ms: 12, path: 'a b' });
  assert.match(traceback[1], /oslo-format\.test/);
});
