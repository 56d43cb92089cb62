// The judgement of conformance runs: what counts as the same answer, what is told of a difference, and what the documentation excuses.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { differences } from './conformance/differences.ts';
import { documentedDifferences, readDocumented } from './conformance/documented.ts';
import { NormalForm, shapeOf } from './conformance/normal-form.ts';
import { readOptions } from './conformance/options.ts';
import type { Answer, Json, RecordedRequest, Step } from './conformance/recorded.ts';
import { isGood, judgeSuite, tableOf } from './conformance/verdict.ts';

const request = (more: Partial<RecordedRequest> = {}): RecordedRequest => ({ who: 'member', method: 'POST', path: '/ports', ...more });
const answer = (status: number, body: Json, bound = status < 300): Answer => ({ status, ctype: 'application/json', body, bound });
const texts = (steps: readonly Step[], answers: readonly Answer[]): string[] => differences(1, steps, answers).map(one => one.text);

describe('the form in which answers are compared', () => {
  const id = '11111111-2222-3333-4444-555555555555';
  const form = new NormalForm([request({ body: { port: { cidr: '10.0.0.0/24', ip: '10.9.9.9', mac: 'fa:16:3e:00:00:01' } } })], {
    labels: new Map([[id, '<port1>']]),
    baseUrl: 'http://127.0.0.1:1234',
  });

  test('what the server chose has a name; what the request said stays, and the edges of its subnets', () => {
    assert.deepEqual(
      form.of({
        id,
        other: 'aaaaaaaa-2222-3333-4444-555555555555',
        at: '2026-01-02T03:04:05Z',
        ips: ['10.0.0.1', '10.0.0.77', '10.9.9.9', '2001:db8::7'],
        macs: ['fa:16:3e:00:00:01', 'fa:16:3e:99:00:01'],
        href: 'http://127.0.0.1:1234/v2.0',
        'provider:segmentation_id': 7,
        mtu: 7,
      }),
      {
        id: '<port1>',
        other: '<id>',
        at: 'dddd-dd-ddTdd:dd:ddZ',
        ips: ['10.0.0.1', '<ip4>', '10.9.9.9', '<ip6>'],
        macs: ['fa:16:3e:00:00:01', '<mac>'],
        href: '<base>/v2.0',
        'provider:segmentation_id': '<seg>',
        mtu: 7,
      },
    );
  });

  test('a shape keeps keys and one element of a list', () => {
    assert.deepEqual(shapeOf({ a: [{ b: 1 }, { c: 2 }], d: null, e: [] }), { a: [{ b: '*' }], d: '*', e: [] });
  });
});

describe('differences', () => {
  test('equal answers have none, whatever the order of keys and of lists', () => {
    const step: Step = { request: request(), answer: answer(201, { port: { a: 1, tags: ['x', 'y'] } }) };
    assert.deepEqual(texts([step], [answer(201, { port: { tags: ['y', 'x'], a: 1 } })]), []);
    const ordered: Step = { request: request(), answer: answer(201, { subnet: { dns_nameservers: ['x', 'y'] } }) };
    assert.equal(texts([ordered], [answer(201, { subnet: { dns_nameservers: ['y', 'x'] } })]).length, 2);
  });

  test('status, type and text of an error, keys and values are told in words', () => {
    const step = (was: Answer): Step => ({ request: request({ path: '/ports/${port1}?a=b' }), answer: was });
    const error = (type: string): Json => ({ NeutronError: { type, message: 'm', detail: '' } });
    assert.deepEqual(texts([step(answer(201, {}))], [answer(400, {})]), ['member POST /ports/ID status 201 → 400']);
    assert.deepEqual(texts([step(answer(404, error('A')))], [answer(404, error('B'))]), ['member POST /ports/ID error type A → B']);
    assert.deepEqual(texts([step(answer(200, { port: { a: 1, b: 2 } }))], [answer(200, { port: { a: 2, c: 3 } })]), [
      'member POST /ports/ID value .port.a 1 → 2',
      'member POST /ports/ID lacks .port.b 2 → (none)',
      'member POST /ports/ID has .port.c (none) → 3',
    ]);
  });

  test('objects of lists are compared with those of the same id', () => {
    const list = (a: string, b: string): Json => ({
      ports: [
        { id: '<p1>', ip: a },
        { id: '<p2>', ip: b },
      ],
    });
    assert.deepEqual(texts([{ request: request(), answer: answer(200, list('z', 'b')) }], [answer(200, list('a', 'b'))]), [
      'member POST /ports value .ports[].ip z → a',
    ]);
  });

  test('an attribute that one side alone has does not change which objects are compared', () => {
    const was: Json = { rules: [{ port: 1 }, { port: 2 }] };
    const is: Json = {
      rules: [
        { of_default: true, port: 1 },
        { of_default: false, port: 2 },
      ],
    };
    assert.deepEqual(texts([{ request: request(), answer: answer(200, was) }], [answer(200, is)]), [
      'member POST /ports has .rules[].of_default (none) → true',
      'member POST /ports has .rules[].of_default (none) → false',
    ]);
  });

  test('addresses that both have chosen may be any', () => {
    const step: Step = { request: request(), answer: answer(201, { a: '<ip4>', b: '10.0.0.2', c: '10.0.0.3' }) };
    assert.deepEqual(texts([step], [answer(201, { a: '10.0.0.2', b: '<ip4>', c: '10.0.0.4' })]), [
      'member POST /ports value .c 10.0.0.3 → 10.0.0.4',
    ]);
    const named: Step = { request: request(), answer: answer(201, { a: 'host-10-0-0-9.x.', b: 'host-<ip>', c: 'host-<ip>.x.' }) };
    assert.deepEqual(texts([named], [answer(201, { a: 'host-<ip>.x.', b: 'host-10-0-0-9', c: 'host-<ip>.y.' })]), [
      'member POST /ports value .c host-<ip>.x. → host-<ip>.y.',
    ]);
  });

  test('what follows from an object on one side alone is not told; a broken reference only asks not to break', () => {
    const made: Step = { request: request({ bind: 'port1' }), answer: answer(201, {}) };
    const used: Step = { request: request({ path: '/ports/${port1}' }), answer: answer(200, {}) };
    assert.deepEqual(texts([made, used], [answer(400, {}), answer(404, {})]), ['member POST /ports status 201 → 400']);
    const broken: Step = { request: request(), answer: answer(500, {}) };
    assert.deepEqual(texts([broken], [answer(409, {})]), []);
    assert.equal(texts([broken], [answer(500, {})]).length, 1);
  });
});

describe('the verdict', () => {
  const documented = readDocumented('| `tempest.a.*` | later |\n| no pattern | x |\n| `exact (text) [1]` | y |');
  const result = (outcome: 'passed' | 'failed' | 'skipped' | 'not run') => ({ outcome, seconds: 1, why: 'why' });

  test('patterns are literal but for the star', () => {
    assert.deepEqual(
      documented.map(one => one.pattern),
      ['tempest.a.*', 'exact (text) [1]'],
    );
    const [first, second] = readDocumented('| `a` | why |\n| `b` | the same |');
    assert.deepEqual([first?.why, second?.why], ['why', 'why']);
    assert.ok(documented[0]?.matches('tempest.a.b') && !documented[0].matches('tempestXa.b'));
    assert.ok(documented[1]?.matches('exact (text) [1]') && !documented[1].matches('exact (text) [1] more'));
  });

  test('a test has to pass unless the real one skips it, too; failed there means failed for lack of agents', () => {
    const recorded = { a: 'passed', b: 'failed', c: 'skipped', 'tempest.a.d': 'passed' } as const;
    const judge = (a: 'passed' | 'skipped', b: 'passed' | 'failed') =>
      judgeSuite(
        's',
        new Map([
          ['a', result(a)],
          ['b', result(b)],
          ['c', result('skipped')],
          ['tempest.a.d', result('failed')],
        ]),
        { recorded, documented },
      );
    assert.ok(isGood(judge('passed', 'passed')));
    assert.deepEqual(
      judge('skipped', 'failed').differing.map(one => [one.text, one.documented]),
      [
        ['a', undefined],
        ['b', undefined],
        ['tempest.a.d', 'later'],
      ],
    );
    assert.ok(!isGood(judge('skipped', 'passed')) && !isGood(judge('passed', 'failed')));
    assert.ok(!isGood(judgeSuite('s', new Map(), { recorded, documented })), 'nothing that ran is no success');
    assert.match(tableOf([judge('passed', 'failed')])[1] ?? '', /^s +2 +2 +1|^s +1 +2 +1/);
  });

  test('the documentation can be read, and its options are those that there are', () => {
    assert.ok(documentedDifferences().length > 0);
    assert.deepEqual(readOptions(['--quick']).suites, ['tempest', 'answers']);
    assert.throws(() => readOptions(['--suite', 'nonsense']), /there is no suite/);
  });
});

test('a run that is told to end several times puts its things away once, and whole', async () => {
  const end = join(import.meta.dirname, 'conformance/end.ts');
  const work = "async () => { console.log('begun'); await new Promise(done => setTimeout(done, 500)); console.log('put away'); }";
  const program = `import { whenEnded } from ${JSON.stringify(end)}; whenEnded(${work}); setInterval(() => {}, 1000); console.log('runs');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let said = '';
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said === 'runs\n' || said === 'runs\nbegun\n') child.kill('SIGTERM');
  }
  assert.deepEqual([await ended, said], [[143, null], 'runs\nbegun\nput away\n']);
});
