// Files that oslo.config (Debian's) reads and Weft reads: what comes of them is the same.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConfigSource } from '../../src/cli/verbs/config-option.ts';
import { multiOption, type Option, option, type Row, section, type Type } from '../../src/main/config/option.ts';
import { readProgram } from '../../src/main/config/program.ts';
import { bool, float, int, list, string } from '../../src/main/config/values.ts';

const python = '/usr/bin/python3';
const skip = spawnSync(python, ['-c', 'import oslo_config']).status === 0 ? false : 'no oslo.config here (Debian: python3-oslo.messaging)';

type Values = Readonly<Record<string, unknown>>;
interface Described {
  readonly group: string;
  readonly name: string;
  readonly kind: string;
  readonly default?: string | readonly string[];
  readonly deprecated?: readonly { readonly group?: string; readonly name?: string }[];
  readonly min?: number;
  readonly max?: number;
}

const described: readonly Described[] = [
  { group: 'DEFAULT', name: 'text', kind: 'string' },
  { group: 'DEFAULT', name: 'path', kind: 'string', default: '/var/lib/x' },
  { group: 'DEFAULT', name: 'flag', kind: 'boolean', default: 'true' },
  { group: 'DEFAULT', name: 'names', kind: 'list', deprecated: [{ name: 'older' }] },
  { group: 'DEFAULT', name: 'many', kind: 'multi' },
  {
    group: 'AGENT',
    name: 'text',
    kind: 'string',
    deprecated: [
      { group: 'old', name: 'text' },
      { group: 'DEFAULT', name: 'agent_text' },
    ],
  },
  { group: 'AGENT', name: 'lock', kind: 'string', default: '$path/lock' },
  { group: 'AGENT', name: 'count', kind: 'integer', min: -3, max: 100 },
  { group: 'AGENT', name: 'ratio', kind: 'number' },
  {
    group: 'AGENT',
    name: 'many',
    kind: 'multi',
    deprecated: [
      { group: 'old', name: 'many' },
      { group: 'DEFAULT', name: 'much' },
    ],
  },
  { group: 'small', name: 'path', kind: 'string', default: '${AGENT.lock}/$text' },
];

const types: Readonly<Record<string, Type<unknown>>> = {
  string: string as Type<unknown>,
  boolean: bool as Type<unknown>,
  integer: int(-3, 100) as Type<unknown>,
  number: float(-1e9, 1e9) as Type<unknown>,
  list: list as Type<unknown>,
  multi: string as Type<unknown>,
};

const options: readonly Option<Values>[] = described.flatMap(({ group, name, kind, default: otherwise, deprecated = [] }) => {
  const make = kind === 'multi' ? multiOption : option;
  const keep = (config: Values, value: unknown): Values => ({ ...config, [`${group}.${name}`]: value });
  const details = { deprecated, ...(typeof otherwise === 'string' ? { default: otherwise } : {}) };
  return section(group, [make(name, types[kind] as Type<unknown>, 'a value', keep, details) as Row<Values>]);
});

type Answer = { readonly error: true } | { readonly values: Readonly<Record<string, { value?: unknown; error?: true }>> };

function weft(sources: readonly ConfigSource[]): Answer {
  const { config, effective, problems } = readProgram(
    { name: 'test', title: '', files: [], dirs: [], options, defaults: {} as Values },
    sources,
  );
  if (problems.length > effective.filter(({ problem }) => problem !== undefined).length) return { error: true };
  const values = effective.map(({ option: { group, name }, problem }) => {
    const key = `${group}.${name}`;
    return [key, problem === undefined ? { value: config[key] ?? null } : { error: true }];
  });
  return { values: Object.fromEntries(values) };
}

function oslo(cases: readonly (readonly ConfigSource[])[]): Answer[] {
  const argv = cases.map(sources => sources.flatMap(({ kind, path }) => [`--config-${kind}`, path]));
  const input = JSON.stringify({ options: described.map(o => ({ deprecated: [], ...o })), cases: argv });
  const { stdout, stderr, status } = spawnSync(python, [join(import.meta.dirname, 'oslo_config_peer.py')], {
    input,
    encoding: 'utf8',
    maxBuffer: 2 ** 27,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** A stream of numbers in [0, 1) that is the same each time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const words = [
  ...['x', 'a b', 'true', 'No', 'ON', '0', '1', '7', '-3', '-4', '+5', '1_0', '1__0', '1.5', '.5', '5.', '1e3', '101', '', ' ', '\t'],
  ...[
    'a,b',
    'a, b ,c',
    'a,,b',
    'a,',
    ',',
    ',a',
    '"q"',
    "'q'",
    '"',
    '"a\'',
    '"a" b',
    '#x',
    'a # b',
    'a;b',
    '[x]',
    'a=b',
    'a:b',
    'ä€',
    '\u00a0x\u3000',
    'x\x1f',
  ],
  ...['$path', '${path}/x', '$text', '$AGENT.text', '${AGENT.count}0', '$flag', '$lock', '$path.x', '$nope', '$nope.x', '$AGENT.nope'],
  ...['$$path', '\\$path', '$', '5$', '${', '${x', '${}', '$1', '$$$path', '\\\\$path', '$PATH', '$AGENT', '${path }', '$small.path'],
];
const names = [
  'text',
  'path',
  'flag',
  'names',
  'older',
  'many',
  'agent_text',
  'lock',
  'count',
  'ratio',
  'much',
  'Text',
  'unknown',
  'te xt',
];
const groups = ['DEFAULT', 'AGENT', 'agent', 'Agent', 'small', 'SMALL', 'old', 'default', ' AGENT', 'other'];
const oddLines = [
  '',
  '# comment',
  '; comment',
  '  # no comment',
  '   ',
  ' more',
  '\tmore, b',
  '[AGENT] # x',
  '[]',
  '[x',
  'words',
  '= 1',
  ':',
  '\ufeff',
  '[a]b]',
];
const ends = ['\n', '\n', '\n', '\r\n', '\r'];

function fileText(random: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const gaps = ['=', ' = ', ':', ' : ', '  =', '\t=\t'];
  const lines = Array.from({ length: 1 + Math.floor(random() * 14) }, () => {
    const kind = random();
    if (kind < 0.2) return `[${pick(groups)}]`;
    if (kind < 0.32) return random() < 0.6 ? pick(oddLines.slice(0, 3)) : pick(oddLines);
    const value = random() < 0.15 ? `${pick(words)}${pick(words)}` : pick(words);
    return `${pick(names)}${pick(gaps)}${value}${random() < 0.12 ? `\n ${pick(words)}` : ''}`;
  });
  return `${random() < 0.9 ? `[${pick(groups)}]\n` : ''}${lines.join(pick(ends))}${pick(['', '\n'])}`;
}

function writeCase(folder: string, random: () => number): ConfigSource[] {
  mkdirSync(folder);
  return Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i): ConfigSource => {
    const path = join(folder, String(i));
    if (random() < 0.75) {
      writeFileSync(path, fileText(random));
      return { kind: 'file', path };
    }
    mkdirSync(path);
    for (const name of ['b.conf', 'a.conf', '10.conf', '9.conf', '.z.conf', 'z.ini', 'ä.conf'])
      if (random() < 0.4) writeFileSync(join(path, name), fileText(random));
    return { kind: 'dir', path };
  });
}

/** Of a difference, what stands in the files. */
const report = (seed: number, ours: Answer, theirs: Answer): string =>
  `case ${seed}\nWeft: ${JSON.stringify(ours)}\noslo: ${JSON.stringify(theirs)}`;

test('what random files say is the same to both', { skip }, () => {
  const home = mkdtempSync(join(tmpdir(), 'weft-oslo-config-'));
  try {
    const cases = Array.from({ length: 2000 }, (_, seed) => writeCase(join(home, String(seed)), chance(seed + 1)));
    const theirs = oslo(cases);
    const differences = cases.flatMap((sources, seed) => {
      const ours = weft(sources);
      return JSON.stringify(ours) === JSON.stringify(theirs[seed]) ? [] : [report(seed, ours, theirs[seed] as Answer)];
    });
    assert.deepEqual(differences.slice(0, 5), [], `${differences.length} of ${cases.length} differ`);
    const read = theirs.filter(answer => 'values' in answer);
    assert.ok(read.length > cases.length / 4, `${read.length} of ${cases.length} can be read at all`);
    const set = read.flatMap(answer => Object.values(answer.values)).filter(({ error, value }) => error || value !== null);
    assert.ok(set.some(({ error }) => error) && set.length > 5 * read.length, 'values and errors are among what is compared');
  } finally {
    rmSync(home, { recursive: true });
  }
});
