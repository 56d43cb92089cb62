import assert from 'node:assert/strict';
import test from 'node:test';
import { logContract } from '../../contracts/log.suite.ts';
import { formatLine, textLog } from './text-log.ts';

logContract('text', level => {
  const written: string[] = [];
  const log = textLog({ level, sink: { write: line => written.push(line) } });
  return {
    log,
    lines: () =>
      written.map(line => {
        assert.ok(line.endsWith('\n') && line.indexOf('\n') === line.length - 1, JSON.stringify(line));
        return line.slice(0, -1);
      }),
  };
});

test('the layout of a line', () => {
  const line = formatLine(0, 'warning', 'slow answer', { name: 'l3-agent', request_id: 'req-1', ms: 12, router: 'r 1', ok: 'yes' });
  assert.equal(line, '1970-01-01T00:00:00.000Z WARNING l3-agent [req-1] slow answer ms=12 router="r 1" ok=yes\n');
});

test('the default level is info, and the name of the log leads', () => {
  const written: string[] = [];
  const log = textLog({ sink: { write: l => written.push(l) }, name: 'server', now: () => 0 });
  log.debug('hidden');
  log.info('shown');
  log.child({ name: 'relay' }).info('shown too');
  assert.deepEqual(written, ['1970-01-01T00:00:00.000Z INFO server shown\n', '1970-01-01T00:00:00.000Z INFO relay shown too\n']);
});
