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
import { PythonRandom } from './conformance/random/python-random.ts';
import { sequenceOf } from './conformance/random/sequences.ts';
import { type Answer, type Json, type RecordedRequest, randomSequences, type Step } from './conformance/recorded.ts';
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
    assert.deepEqual(shapeOf({ a: [{ b: 1 }, { c: 2 }], d: null, e: [], used: { '7': 1 } }), { a: [{ b: '*' }], d: '*', e: [], used: {} });
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

describe('what a difference is not', () => {
  const told = (...pairs: readonly (readonly [RecordedRequest, Answer, Answer])[]): string[] =>
    texts(
      pairs.map(([asked, was]) => ({ request: asked, answer: was })),
      pairs.map(([, , is]) => is),
    );
  const error = (status: number, type: string, message = 'm'): Answer => answer(status, { NeutronError: { type, message, detail: '' } });

  test('a status is told with the type of the error', () => {
    assert.deepEqual(told([request(), error(404, 'A'), error(409, 'B')]), ['member POST /ports status 404 A → 409 B']);
  });

  test('a reader is refused for being one, whatever the recorded server says; that he changes something is told always', () => {
    const write = request({ who: 'reader', bind: 'port1' });
    const use = request({ path: '/ports/${port1}', method: 'GET' });
    const forbidden = error(403, 'PolicyNotAuthorized');
    assert.deepEqual(told([write, answer(201, {}), forbidden], [use, answer(200, {}), error(404, 'PortNotFound')]), []);
    assert.deepEqual(told([write, error(409, 'A'), forbidden]), []);
    assert.deepEqual(told([write, answer(201, {}), error(409, 'B')]), ['reader POST /ports status 201 → 409 B']);
    assert.deepEqual(told([write, answer(201, {}), answer(201, {})]), ['reader POST /ports a reader changes something: status 201 → 201']);
    assert.deepEqual(told([request({ who: 'reader', method: 'GET' }), answer(200, {}), forbidden]), [
      'reader GET /ports status 200 → 403 PolicyNotAuthorized',
    ]);
    assert.deepEqual(told([request(), answer(201, {}), forbidden]), ['member POST /ports status 201 → 403 PolicyNotAuthorized']);
  });

  test('revisions rise as far as they like, and with a change alone', () => {
    const port = (revision_number: number, name = 'a'): Answer => answer(200, { port: { id: '<port1>', revision_number, name } });
    const get = request({ method: 'GET', path: '/ports/${port1}' });
    const put = request({ method: 'PUT', path: '/ports/${port1}' });
    assert.deepEqual(told([get, port(3), port(1)], [put, port(5, 'b'), port(2, 'b')]), []);
    assert.deepEqual(told([get, port(3), port(1)], [put, port(4, 'b'), port(1, 'b')]), [
      'member PUT /ports/ID revision of <port> rises → stays',
    ]);
    assert.deepEqual(told([get, port(3), port(2)], [get, port(3), port(3)]), ['member GET /ports/ID revision of <port> stays → rises']);
    assert.deepEqual(told([get, port(3), port(2)], [put, port(4), port(1)]), ['member PUT /ports/ID revision of <port> rises → falls']);
    assert.deepEqual(told([get, port(3), port(2)], [put, port(4), port(2)]), [], 'an update that changes nothing');
    const broken: readonly [RecordedRequest, Answer, Answer] = [put, error(500, 'X'), error(400, 'Y')];
    assert.deepEqual(told([get, port(3), port(2)], broken, [get, port(4), port(2)]), [], 'nobody knows what a 500 has changed');
    const text = answer(200, { port: { id: '<port1>', revision_number: '1', name: 'a' } });
    assert.deepEqual(told([get, port(3), text]), ['member GET /ports/ID value .port.revision_number 3 → 1']);
  });

  test('an address may come from another subnet of the network, not of another', () => {
    const subnet = (id: string, network_id: string): readonly [RecordedRequest, Answer, Answer] => {
      const made = answer(201, { subnet: { id, network_id, cidr: 'x' } });
      return [request({ path: '/subnets' }), made, made];
    };
    const port = (subnet_id: string): Answer => answer(201, { port: { fixed_ips: [{ subnet_id }] } });
    const subnets = [subnet('<a1>', '<n1>'), subnet('<a2>', '<n1>'), subnet('<b1>', '<n2>')];
    assert.deepEqual(told(...subnets, [request(), port('<a1>'), port('<a2>')]), []);
    assert.deepEqual(told(...subnets, [request(), port('<a1>'), port('<b1>')]), [
      'member POST /ports value .port.fixed_ips[].subnet_id <a1> → <b1>',
    ]);
  });

  test('what others have is left out of lists that are for all projects; what the requests made has to be there', () => {
    const list = (...networks: readonly Json[]): Answer => answer(200, { networks });
    const [ours, theirs] = [
      { id: '<network1>', project_id: '<P1>' },
      { id: '<id>', project_id: '<id>' },
    ];
    const all = request({ method: 'GET', path: '/networks' });
    const own = request({ method: 'GET', path: '/networks?project_id=${P1}' });
    assert.deepEqual(told([all, list(theirs, ours), list(ours)]), []);
    assert.deepEqual(told([own, list(theirs, ours), list(ours)]), ['member GET /networks length .networks 2 → 1']);
    assert.deepEqual(told([all, list(ours, theirs), list(theirs)]), [
      'member GET /networks value .networks[].id <network1> → <id>',
      'member GET /networks value .networks[].project_id <P1> → <id>',
    ]);
    assert.deepEqual(told([all, list({ name: 'a' }, { name: 'b' }), list({ name: 'b' })]), [], 'nothing says whose it is');
    const port: Json = { id: '<id>', project_id: '', device_id: '<floatingip1>', ip: '<ip4>' };
    assert.deepEqual(told([all, list(port, { ...port, device_id: '' }), list({ ...port, more: null })]), [
      'member GET /networks has .networks[].more (none) → null',
    ]);
    assert.deepEqual(told([all, list({ name: 'a' }), list({ name: 'c' })]), ['member GET /networks length .networks 0 → 1']);
  });

  test('what one side alone has is left out of lists and counts, and holds what it is made of', () => {
    const make = request({ path: '/trunks', bind: 'trunk1', body: { trunk: { port_id: '${port1}' } } });
    const made: readonly [RecordedRequest, Answer, Answer] = [make, answer(201, {}), error(400, 'A')];
    const first = 'member POST /trunks status 201 → 400 A';
    const list = (...ids: readonly string[]): Answer => answer(200, { trunks: ids.map(id => ({ id })), ids });
    const get = request({ method: 'GET', path: '/trunks?project_id=${P1}' });
    assert.deepEqual(told(made, [get, list('<trunk1>', '<trunk2>'), list('<trunk2>')]), [first]);
    const used = (trunk: number, port: number): Answer => answer(200, { quota: { trunk: { used: trunk }, port: { used: port } } });
    assert.deepEqual(told(made, [request({ method: 'GET', path: '/quotas/x' }), used(1, 1), used(0, 0)]), [
      first,
      'member GET /quotas/x value .quota.port.used 1 → 0',
    ]);
    const remove = request({ method: 'DELETE', path: '/ports/${port1}' });
    assert.deepEqual(told(made, [remove, error(409, 'PortInUse'), answer(204, null)]), [first]);
    assert.deepEqual(told(made, [remove, error(404, 'PortNotFound'), answer(204, null)]), [
      first,
      'member DELETE /ports/ID status 404 PortNotFound → 204',
    ]);
  });

  test('the order of a set, and of ids in a text, is nothing', () => {
    const [one, other] = ["{'nexthop', 'destination'} of <a>,<b>", "{'destination', 'nexthop'} of <b>,<a>"];
    assert.deepEqual(told([request(), error(400, 'A', one), error(400, 'A', other)]), []);
    assert.equal(told([request(), error(400, 'A', one), error(400, 'A', `${other},<c>`)]).length, 1);
  });

  test('markers and the protocol any are told with the place', () => {
    const rule = request({ path: '/security-group-rules', body: { security_group_rule: { protocol: 'any' } } });
    assert.deepEqual(told([rule, error(400, 'A'), answer(201, {})]), [
      'member POST /security-group-rules (protocol any) status 400 A → 201',
    ]);
    const list = request({ method: 'GET', path: '/ports?limit=1&marker=x' });
    assert.deepEqual(told([list, answer(200, {}), error(404, 'B')]), ['member GET /ports?marker status 200 → 404 B']);
  });
});

describe('random sequences', () => {
  test('the numbers are Python\u2019s', () => {
    const random = new PythonRandom(12_345_678_901);
    assert.deepEqual(
      [random.random(), random.below(7), random.between(200, 250), random.random()],
      [0.9460118159397316, 2, 224, 0.3541497479277771],
    );
  });

  test('a seed stands for the sequence that was recorded by this number', () => {
    for (const { seed, steps } of randomSequences())
      assert.deepEqual(
        sequenceOf(seed, steps.length),
        steps.map(step => step.request),
      );
    assert.notDeepEqual(sequenceOf(1, 30), sequenceOf(2, 30));
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
    const [either] = readDocumented('| `{a,b*} has {.port,.ports[]}.x` | why |');
    assert.deepEqual(
      ['a has .port.x', 'b1 has .ports[].x', 'c has .port.x', 'a1 has .port.x', 'a has .portsXx'].map(text => either?.matches(text)),
      [true, true, false, false, false],
    );
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
    assert.deepEqual(readOptions([]).suites, ['tempest', 'neutron-tempest-plugin', 'answers']);
    assert.throws(() => readOptions(['--suite', 'pairs', '--seeds', '1']), /needs --peer, --peer-auth and --seeds/);
    const peer = ['--peer', 'http://h:1/', '--peer-auth', 'http://h:2/v3'];
    assert.deepEqual(readOptions(['--suite', 'pairs', ...peer, '--seeds', '7,9-11']).pairs, {
      network: 'http://h:1',
      identity: 'http://h:2/v3',
      seeds: [7, 9, 10, 11],
      length: 120,
      record: undefined,
    });
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
