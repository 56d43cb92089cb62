// What every log adapter must do. `open` gives a log at a level and what it has written so far, as lines.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Log, LogLevel } from './log.ts';

export interface OpenLog {
  readonly log: Log;
  lines(): readonly string[];
}

export function logContract(name: string, open: (level: LogLevel) => OpenLog): void {
  const written = (level: LogLevel, use: (log: Log) => void): readonly string[] => {
    const { log, lines } = open(level);
    use(log);
    return lines();
  };
  const only = (use: (log: Log) => void): string => {
    const lines = written('debug', use);
    assert.equal(lines.length, 1, lines.join('\n'));
    return lines[0]!;
  };

  test(`log ${name}: a line holds message and fields`, () => {
    const line = only(log => log.info('port wired', { port_id: 'p1', count: 3, up: true, host: null }));
    for (const part of ['port wired', 'port_id', 'p1', '3', 'true', 'null']) assert.ok(line.includes(part), line);
  });

  const levels: readonly LogLevel[] = ['debug', 'info', 'warning', 'error'];
  for (const [i, level] of levels.entries()) {
    test(`log ${name}: at ${level}, ${levels.length - i} of four levels are written`, () => {
      const lines = written(level, log => {
        for (const l of levels) log[l](`event-${l}`);
      });
      assert.deepEqual(
        lines.map(line => levels.find(l => line.includes(`event-${l}`))),
        levels.slice(i),
      );
    });
  }

  test(`log ${name}: children carry their fields and those of their parents`, () => {
    const line = only(log => log.child({ request_id: 'req-1' }).child({ host: 'h1' }).warning('slow', { ms: 9 }));
    for (const part of ['req-1', 'h1', '9']) assert.ok(line.includes(part), line);
  });

  test(`log ${name}: fields named like a credential are redacted at any depth, in children too`, () => {
    const secret = 'hunter2-hunter2';
    const line = only(log =>
      log.child({ auth: { user: 'a', password: secret } }).info('request', {
        token: secret,
        'X-Auth-Token': secret,
        adminPass: secret,
        nested: [{ deep: { shared_secret: secret, client_credentials: [secret], harmless: 'kept-value' } }],
        map: new Map([['password', secret]]),
      }),
    );
    assert.ok(!line.includes(secret), line);
    assert.ok(line.includes('kept-value'), line);
  });

  test(`log ${name}: names that only resemble one are kept`, () => {
    const line = only(log => log.info('m', { auth_url: 'http://one', author: 'two', passed: 'three', keyspace: 'four' }));
    for (const part of ['http://one', 'two', 'three', 'four']) assert.ok(line.includes(part), line);
  });

  test(`log ${name}: credentials inside text are blotted out`, () => {
    const line = only(log =>
      log.error('cannot open rabbit://weft:s3cr3t@mq:5672/', { why: 'X-Auth-Token: gAAAAABkzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz refused' }),
    );
    assert.ok(!line.includes('s3cr3t') && !line.includes('gAAAAABk'), line);
    assert.ok(line.includes('mq:5672') && line.includes('refused'), line);
  });

  test(`log ${name}: an error is written with its stack and cause, not with what hangs on it`, () => {
    const error = Object.assign(new Error('outer', { cause: new RangeError('inner') }), {
      code: 'EPIPE',
      request: { headers: { host: 'internal-thing' } },
    });
    const line = only(log => log.error('failed', { error }));
    for (const part of ['outer', 'RangeError: inner', 'EPIPE', 'log.suite.ts']) assert.ok(line.includes(part), line);
    assert.ok(!line.includes('internal-thing'), line);
  });

  test(`log ${name}: no text can forge a second line or drive a terminal`, () => {
    const evil = 'a\n2026-01-01T00:00:00Z INFO forged\r\u001b[2J\u2028';
    const line = only(log => log.child({ [evil]: evil, name: evil, request_id: evil }).info(evil, { evil }));
    assert.ok(!/[\u0000-\u001f\u2028]/.test(line), JSON.stringify(line));
  });

  test(`log ${name}: nothing that is logged makes it throw`, () => {
    const circle: Record<string, unknown> = { big: 10n, fn: () => 1, symbol: Symbol('s'), buffer: new Uint8Array(4), set: new Set([1]) };
    circle['self'] = circle;
    const trap = {
      get boom(): never {
        throw new Error('getter');
      },
    };
    let deep: unknown = 'bottom';
    for (let i = 0; i < 5000; i++) deep = { deep };
    const line = only(log =>
      log.info('odd', { circle, trap, deep, date: new Date(Number.NaN), none: undefined, long: 'x'.repeat(1_000_000) }),
    );
    assert.ok(line.length < 100_000);
  });
}
