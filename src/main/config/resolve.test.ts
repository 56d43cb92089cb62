import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { idleOption, multiOption, noEffect, notHere, type Option, option, optionName, section } from './option.ts';
import { configOf, type Program, type Reading, readProgram } from './program.ts';
import { type Flag, originText } from './resolve.ts';
import { bool, int, list, string } from './values.ts';

type Values = Readonly<Record<string, unknown>>;

const keeps =
  (key: string) =>
  (config: Values, value: unknown): Values => ({ ...config, [key]: value });

const options: readonly Option<Values>[] = [
  ...section<Values>('DEFAULT', [
    option('state_path', string, 'a path', keeps('state_path'), { default: '/var/lib/neutron' }),
    option('host', string, 'a name', keeps('host')),
    option('debug', bool, 'more', keeps('debug'), { default: 'false' }),
    idleOption('workers', int(1), 'processes', noEffect('there is one process'), { default: '1' }),
    option('limit', int(0), 'a number', keeps('limit')),
  ]),
  ...section<Values>('AGENT', [
    option('lock', string, 'a path', keeps('lock'), { default: '$state_path/lock' }),
    option('host', string, 'a name', keeps('agent_host')),
    option('types', list, 'names', keeps('types'), { deprecated: [{ name: 'kinds' }, { group: 'DEFAULT', name: 'kind' }] }),
    multiOption('driver', string, 'names', keeps('driver'), { deprecated: [{ group: 'DEFAULT' }] }),
    option('password', string, 'a secret', keeps('password'), { secret: true }),
    idleOption('old_way', bool, 'an old way', notHere('there is a new one'), { default: 'false' }),
  ]),
];
const program: Program<Values> = { name: 'test', title: 'test', files: [], dirs: [], options, defaults: {} };

function read(
  files: Readonly<Record<string, string>>,
  sources: readonly string[] = Object.keys(files),
  flags: readonly Flag[] = [],
): Reading<Values> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const named = sources.map((path): ConfigSource => ({ kind: path.endsWith('.d') ? 'dir' : 'file', path: join(folder, path) }));
    const reading = readProgram(program, named, { flags });
    const short = (text: string): string => text.replaceAll(`${folder}/`, '');
    return {
      ...reading,
      problems: reading.problems.map(short),
      warnings: reading.warnings.map(short),
      notes: reading.notes.map(short),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const value = (text: string, key: string): unknown => configOf(read({ 'a.conf': text }))[key];

function originsOf({ effective }: Reading<Values>, name: string): string[] {
  return effective.find(({ option: found }) => optionName(found) === name)?.origins.map(o => originText(o).replace(/.*\//, '')) ?? [];
}

test('of several files the later counts, whatever its name for the option; in one file the name of today does', () => {
  assert.deepEqual(configOf(read({ 'a.conf': '[AGENT]\ntypes = a\n', 'b.conf': '[agent]\nkinds = b\n' }))['types'], ['b']);
  assert.deepEqual(value('[agent]\ntypes = a\nkinds = b\n[DEFAULT]\nkind = c\n', 'types'), ['a']);
  assert.deepEqual(value('[agent]\nkinds = b\n[Agent]\nkinds = d\n[DEFAULT]\nkind = c\n', 'types'), ['d']);
  assert.equal(value('[default]\nhost = a\n', 'host'), undefined, 'DEFAULT is not default');
});

test('a multi-valued option has the values of all files, older names before', () => {
  const { config } = read({
    'a.conf': '[AGENT]\ndriver = 1\ndriver = 2\n[DEFAULT]\ndriver = 0\n',
    'b.conf': '[agent]\ndriver =\ndriver = 4\n',
  });
  assert.deepEqual(config['driver'], ['0', '1', '2', '', '4']);
});

test('files and folders in the order of the command line; of a folder *.conf by name', () => {
  const files = {
    'x.d/2.conf': '[DEFAULT]\nhost = two\n',
    'x.d/10.conf': '[DEFAULT]\nhost = ten\nlimit = 10\n',
    'x.d/3.txt': '[DEFAULT]\nhost = three\n',
    'x.d/.9.conf': '[DEFAULT]\nhost = nine\n',
    'a.conf': '[DEFAULT]\nhost = a\n',
  };
  assert.deepEqual([read(files, ['a.conf', 'x.d']).config['host'], read(files, ['a.conf', 'x.d']).config['limit']], ['two', 10]);
  assert.equal(read(files, ['x.d', 'a.conf']).config['host'], 'a');
});

test('what other options say is put in, also into defaults', () => {
  const text = '[DEFAULT]\nstate_path = /srv\nhost = h-${agent.host}-$debug\n[AGENT]\nhost = a.${state_path}.$limit.\n';
  assert.match(String(read({ 'a.conf': text }).problems), /behind the dollar, not limit\. \(/, 'a name may have dots');
  const right = text.replace('$limit.', '${limit}.');
  assert.deepEqual([value(right, 'host'), value(right, 'lock')], ['h-a./srv..-False', '/srv/lock']);
  const own = '[AGENT]\nkinds = $password, $host\nhost = own\n[DEFAULT]\nhost = other\npassword = other\n';
  assert.deepEqual(value(own, 'types'), ['', 'own'], 'of its own group first');
});

test('a dollar that begins no name stays; two are one', () => {
  assert.equal(value('[DEFAULT]\nhost = $$x \\$y $ 5$ ${ $1 ${-} $$$$ end$\n', 'host'), '$x $y $ 5$ ${ $1 ${-} $$ end$');
});

test('names behind a dollar that lead nowhere, in a circle, or to what is wrong', () => {
  const { problems } = read({
    'a.conf':
      '[DEFAULT]\nhost = $nope\nstate_path = $AGENT.lock\ndebug = maybe\n[AGENT]\nhost = $host\ntypes = $debug\npassword = $no_such x\n',
  });
  assert.deepEqual(problems, [
    'a.conf:3: state_path = $AGENT.lock: a value is wanted for $AGENT.lock, and that one is wrong',
    'a.conf:2: host = $nope: an option that there is here is wanted behind the dollar, not nope ("$$" is a dollar)',
    'a.conf:4: debug = maybe: true or false is wanted',
    'default: lock = $state_path/lock: a value is wanted that does not lead back to itself by $state_path',
    'a.conf:6: host = $host: a value is wanted that does not lead back to itself by $host',
    'a.conf:7: types = $debug: a value is wanted for $debug, and that one is wrong',
    'a.conf:8: password = ***: an option that there is here is wanted behind the dollar, not no_such ("$$" is a dollar)',
  ]);
});

test('a list is nothing to put in', () => {
  const wrong = 'one value is wanted behind the dollar, and';
  assert.deepEqual(read({ 'a.conf': '[DEFAULT]\nhost = $AGENT.types\nlimit = $AGENT.driver\n[AGENT]\ntypes = a\ndriver = 1\n' }).problems, [
    `a.conf:2: host = $AGENT.types: ${wrong} AGENT.types is a list`,
    `a.conf:3: limit = $AGENT.driver: ${wrong} AGENT.driver is a list`,
  ]);
});

test('a number may be empty where it has no default; a value that is overridden is not looked at', () => {
  assert.equal(value('[DEFAULT]\nlimit =\n', 'limit'), undefined);
  assert.equal(value('[DEFAULT]\nlimit = x\nlimit = 1_0\n', 'limit'), 10);
  assert.match(String(read({ 'a.conf': '[DEFAULT]\nworkers =\n' }).problems), /a\.conf:2: workers = : a number/);
});

test('where a value came from; the command line counts more than files', () => {
  const files = { 'a.conf': '[DEFAULT]\nkind = x\nhost = a\n', 'b.conf': '[AGENT]\ndriver = 1\n', 'c.conf': '[AGENT]\n\ndriver = 2\n' };
  const reading = read(files, undefined, [{ group: 'DEFAULT', name: 'host', text: 'cli', flag: '--name' }]);
  assert.equal(reading.config['host'], 'cli');
  assert.deepEqual(
    ['[DEFAULT] host', '[AGENT] types', '[AGENT] driver', '[DEFAULT] debug', '[AGENT] password'].map(name => originsOf(reading, name)),
    [['--name'], ['a.conf:2'], ['b.conf:2', 'c.conf:3'], ['default'], []],
  );
});

test('older names, names that nobody knows, and what has no effect or cannot be had', () => {
  const reading = read({
    'a.conf':
      '[DEFAULT]\nkind = x\nkin = y\nlimmit = 1\nwholly = 1\ntypes = a\n[AGENTS]\na = 1\nb = 2\n[default]\nhost = a\n[DEFAULT]\nworkers = 1\n[AGENT]\nold_way = off\n',
    'b.conf': '[Agent]\nold_way = on\nhots = 1\n[DEFAULT]\nworkers = 3\n',
  });
  assert.deepEqual(reading.warnings, [
    'a.conf:2: [DEFAULT] kind is an older name of [AGENT] types',
    'a.conf:3: [DEFAULT] kin is not known and has no effect; did you mean kind?',
    'a.conf:4: [DEFAULT] limmit is not known and has no effect; did you mean limit?',
    'a.conf:5: [DEFAULT] wholly is not known and has no effect',
    'a.conf:6: [DEFAULT] types is not known and has no effect; there is a types in [agent]',
    'a.conf:7: the section [AGENTS] is not known, and what is in it has no effect; did you mean [agent]?',
    'a.conf:10: the section [default] is not known, and what is in it has no effect: it is written [DEFAULT]',
    'b.conf:3: [Agent] hots is not known and has no effect',
  ]);
  assert.deepEqual(reading.notes, ['b.conf:5: [DEFAULT] workers has no effect here, because there is one process']);
  assert.deepEqual(reading.problems, ['b.conf:2: [AGENT] old_way cannot be had here, because there is a new one']);
  assert.deepEqual(
    read({ 'a.conf': '[DEFAULT]\nworkers = 1\n[AGENT]\nold_way = off\n' }).problems,
    [],
    'what is the case anyway may be said',
  );
  assert.throws(() => configOf(reading), /^Error: b\.conf:2: \[AGENT\] old_way cannot be had/);
});

test('what is of another program is left alone; of sections without effect the reason is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  try {
    const path = join(folder, 'a.conf');
    writeFileSync(path, '[AGENT]\nmine = 1\ntheirs = 2\n[Placement]\nx = 1\n[theirs]\ny = 1\nz = 1\n');
    const theirs = section<Values>('theirs', [option('y', string, 'a value', keeps('y'))]);
    const others = [{ options: [...section<Values>('agent', [option('theirs', string, 'a value', keeps('x'))]), ...theirs] }];
    const own = { ...program, idleSections: { placement: 'there is none' } };
    const { warnings, notes } = readProgram(own, [{ kind: 'file', path }], { others });
    const short = (lines: readonly string[]): string[] => lines.map(line => line.replace(`${folder}/`, ''));
    assert.deepEqual(short(notes), ['a.conf:5: [Placement] x has no effect here, because there is none']);
    assert.deepEqual(short(warnings), [
      'a.conf:2: [AGENT] mine is not known and has no effect',
      'a.conf:6: the section [theirs] is not known, and what is in it has no effect',
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
