import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { compileRules, problemText } from '../../domain/policy/rules.ts';
import { readPolicyFiles, watchPolicyFiles } from './policy-files.ts';
import { readPolicyText } from './read.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-policy-'));
});
after(() => rm(dir, { recursive: true }));

/** All that is wrong with a file, as it is told. */
function complaints(text: string): string[] {
  const { overrides, problems } = readPolicyText('p.yaml', text);
  const compiled = compileRules([{ name: 'get_x', check: '@' }], overrides);
  return [...problems, ...compiled.errors].map(problemText);
}
const checks = (text: string): unknown => Object.fromEntries(readPolicyText('p.yaml', text).overrides.map(o => [o.name, o.check]));

test('YAML and JSON, texts in every style, and lists', () => {
  assert.deepEqual(checks(''), {});
  assert.deepEqual(checks('# nothing yet\n'), {});
  assert.deepEqual(checks('{}'), {});
  assert.deepEqual(checks('"get_x": "role:a"\nput_x: \'!\'\n'), { get_x: 'role:a', put_x: '!' });
  assert.deepEqual(checks('{\n  "get_x": [["role:a"], ["role:b", "role:c"]],\n  "put_x": ""\n}'), {
    get_x: [['role:a'], ['role:b', 'role:c']],
    put_x: '',
  });
  assert.deepEqual(checks('get_x: >\n  role:a\n  or role:b\n'), { get_x: 'role:a or role:b\n' });
  assert.deepEqual(checks('get_x: &a role:a\nput_x: *a\n'), { get_x: 'role:a', put_x: 'role:a' });
});

test('what is wrong is told with line and column', () => {
  assert.deepEqual(complaints('get_x: role:a\n'), []);
  assert.deepEqual(complaints('get_x: "role:a\n'), ['p.yaml:2:1: the file: Missing closing "quote']);
  assert.match(complaints('{"get_x": "role:a"')[0] ?? '', /^p\.yaml:1:19: the file: /);
  assert.deepEqual(complaints('\nget_x: @\n'), ['p.yaml:2:8: the file: Plain value cannot start with reserved character @']);
  assert.deepEqual(complaints('get_x: "@"\nget_x: "!"\n'), ['p.yaml:2:1: the file: Map keys must be unique']);
  assert.deepEqual(complaints('a: role:a\n---\nb: role:b\n').length, 1);
  assert.deepEqual(complaints('- get_x\n'), ['p.yaml:1:1: the file: a mapping of names to checks is expected']);
  assert.deepEqual(complaints('just words\n'), ['p.yaml:1:1: the file: a mapping of names to checks is expected']);
  assert.deepEqual(complaints('7: role:a\n'), ['p.yaml:1:1: the file: the name of a rule is a text']);
  assert.deepEqual(complaints('\nget_x: "role:a or  (role:b"\n'), ["p.yaml:2:27: get_x: 'and', 'or' or ')' is expected, not the end"]);
  assert.deepEqual(complaints('get_x: role:a nor role:b\n'), ["p.yaml:1:15: get_x: 'and', 'or' or the end is expected, not 'nor'"]);
  assert.deepEqual(complaints('\n\nget_x: rule:gone\n'), ["p.yaml:3:1: get_x: refers to rule 'gone', which does not exist"]);
  assert.deepEqual(complaints('get_x: rule:y\ny: rule:get_x\n').length, 2);
});

test('nothing, and a lone exclamation mark, are no checks: they would allow everybody', () => {
  for (const text of ['get_x:\n', 'get_x: !\n', 'get_x: ~\n', '{"get_x": null}', 'get_x: true\n', 'get_x: {a: b}\n', 'get_x: 5\n'])
    assert.match(complaints(text)[0] ?? '', /^p\.yaml:1:\d+: get_x: a check is a text/, text);
});

test('one file, then directories in the order of names; what is not there counts only where it was named', async () => {
  const file = join(dir, 'policy.yaml');
  const more = join(dir, 'policy.d');
  assert.deepEqual(await readPolicyFiles({ file: [file], dirs: [more] }), { files: [], overrides: [], problems: [] });
  assert.deepEqual((await readPolicyFiles({ file, dirs: [] })).problems.map(problemText), [`${file}:1:1: the file: it is not there`]);
  assert.match((await readPolicyFiles({ file: dir, dirs: [] })).problems[0]!.message, /directory/);
  await mkdir(more);
  await mkdir(join(more, 'sub'));
  await writeFile(file, 'a: role:a\n');
  await writeFile(join(more, '20.yaml'), 'a: role:c\n');
  await writeFile(join(more, '10.json'), '{"a": "role:b"}');
  await writeFile(join(more, '.30.yaml.swp'), 'junk: [');
  const read = await readPolicyFiles({ file, dirs: [more] });
  assert.deepEqual((await readPolicyFiles({ file: [join(dir, 'none'), file, more], dirs: [] })).files, [file]);
  assert.deepEqual([read.problems, read.overrides.map(o => o.check)], [[], ['role:a', 'role:b', 'role:c']]);
});

test('a change is noticed: written, replaced, added, removed', async () => {
  const file = join(dir, 'watched.yaml');
  const more = join(dir, 'watched.d');
  await mkdir(more);
  const heard = Promise.withResolvers<void>();
  let next = heard;
  await using _watch = await watchPolicyFiles(
    { file: [file], dirs: [more] },
    async () => {
      next.resolve();
    },
    5,
  );
  const steps: readonly (() => Promise<unknown>)[] = [
    () => writeFile(file, 'a: role:a\n'),
    () => writeFile(file, 'a: role:b\n'),
    async () => {
      await writeFile(join(dir, 'new'), 'a: role:c\n');
      await rename(join(dir, 'new'), file);
    },
    () => writeFile(join(more, 'x'), ''),
    () => rm(join(more, 'x')),
    () => rm(file),
  ];
  for (const step of steps) {
    next = Promise.withResolvers<void>();
    await step();
    await next.promise;
  }
});
