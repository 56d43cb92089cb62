// The documentation keeps its word: links lead somewhere, commands are commands, and every verb and option has its place.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { commonOptions, findVerb, name, parseCall, UsageError, usageLine } from '../src/cli/verb.ts';
import { verbs } from '../src/main/main.ts';
import { extensions } from '../src/model/registry.ts';
import { anchors, deadLinks, linksOf, readDocuments, weftCommands, words } from './documents.ts';

const root = join(import.meta.dirname, '..');
const documents = readDocuments(root);
const textOf = (path: string): string => documents.find(document => document.path === path)?.text ?? '';

const read = (path: string): string | undefined => {
  const full = join(root, path);
  if (!existsSync(full)) return undefined;
  return statSync(full).isFile() && path.endsWith('.md') ? readFileSync(full, 'utf8') : '';
};

/** What is wrong with the words behind `weft`, or undefined. Words in capitals stand for something. */
function problem(argv: readonly string[]): string | undefined {
  const [first = '', ...rest] = argv;
  if (/^[A-Z[]/.test(first) || first === '--help' || (first === 'help' && rest.length === 0)) return undefined;
  const found = findVerb(verbs, first === 'help' ? rest : argv);
  if (!found)
    return verbs.some(verb => verb.path[0] === first && argv.length === 1) || /^[A-Z]/.test(rest[0] ?? '') ? undefined : 'no such verb';
  if (first === 'help' || argv.length === found.verb.path.length) return undefined;
  try {
    parseCall(found.verb, found.rest, () => {});
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

describe('documentation', () => {
  for (const document of documents)
    test(`${document.path}: links lead somewhere, and its commands are commands`, () => {
      assert.deepEqual(deadLinks(document, read), []);
      const wrong = weftCommands(document.text).flatMap(argv => {
        const why = problem(argv);
        return why === undefined ? [] : [`weft ${argv.join(' ')}: ${why}`];
      });
      assert.deepEqual(wrong, []);
    });

  test('the guide and the README show many commands', () => {
    const shown = documents.flatMap(document => weftCommands(document.text)).filter(argv => findVerb(verbs, argv));
    assert.ok(shown.length > 60, `${shown.length} commands were found`);
    const named = new Set(shown.map(argv => name((findVerb(verbs, argv) as NonNullable<ReturnType<typeof findVerb>>).verb)));
    assert.deepEqual(
      verbs.map(name).filter(verb => !named.has(verb)),
      [],
      'verbs that no page shows',
    );
  });

  test('docs/conformance.md says of every extension whether packets follow, and of no other', () => {
    const told = (title: string): (string | undefined)[] => {
      const [, section = ''] = textOf('docs/conformance.md').split(`## ${title}\n`);
      return [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `([^`]+)` \| .+ \|$/gm)].map(([, alias]) => alias);
    };
    const offered = extensions.map(e => e.alias);
    assert.deepEqual(told('Aliases').toSorted(), offered.toSorted());
    const others = told('Aliases that are not offered, and why');
    assert.ok(others.length > 0);
    assert.deepEqual(
      others.filter(alias => offered.some(o => o === alias)),
      [],
    );
  });

  test('the README leads to every page of the guide', () => {
    const linked = new Set(linksOf(textOf('README.md')));
    const pages = documents.map(document => document.path).filter(path => path.startsWith('docs/guide/'));
    assert.ok(pages.length > 5);
    assert.deepEqual(
      pages.filter(page => !linked.has(page)),
      [],
    );
  });

  describe('docs/guide/command-line.md, compared with the built-in help', () => {
    const [overview = '', ...sections] = textOf('docs/guide/command-line.md').split(/^## weft /m);
    const sectionOf = (verb: string): string => sections.find(section => section.startsWith(`${verb}\n`)) ?? '';

    test('it has a section for each verb, and for no other', () => {
      assert.deepEqual(sections.map(section => section.split('\n')[0]).sort(), verbs.map(name).sort());
      for (const verb of verbs) assert.ok(overview.includes(`  ${name(verb)} `), `${name(verb)} is in the overview`);
    });

    for (const verb of verbs)
      test(`weft ${name(verb)}: its summary, usage and options, and no others`, () => {
        const section = sectionOf(name(verb));
        const summary = `${verb.summary[0]?.toUpperCase()}${verb.summary.slice(1)}.`;
        for (const line of [summary, `usage: ${usageLine(verb)}`]) assert.ok(section.split('\n').includes(line), line);
        const said = [...section.matchAll(/^ +(?:-\w, )?--([a-z-]+)/gm)].map(match => match[1]);
        const options = Object.keys({ ...verb.options, ...commonOptions });
        assert.deepEqual(said.sort(), options.sort(), `put what "weft help ${name(verb)}" prints into docs/guide/command-line.md`);
      });
  });

  for (const verb of verbs)
    test(`weft ${name(verb)}: the examples of its help are commands`, () => {
      const wrong = (verb.examples ?? []).flatMap(example => problem(words(example).slice(1)) ?? []);
      assert.deepEqual(wrong, []);
    });
});

describe('the reader of the documentation', () => {
  test('finds links over line breaks, not in code', () => {
    assert.deepEqual(linksOf('see [a\nb](x.md#y), [c](https://d.example/), `[e](f)`\n```\n[g](h)\n```\n'), ['x.md#y']);
  });

  test('a file and a heading that are not there are told', () => {
    const files: Record<string, string> = { 'docs/b.md': '# Here it is!\n```\n# not this\n```' };
    const text = '[1](b.md) [2](b.md#here-it-is) [3](b.md#not-this) [4](c.md) [5](../docs/b.md)';
    assert.deepEqual(
      deadLinks({ path: 'docs/a.md', text }, path => files[path]),
      ['docs/a.md: b.md#not-this: no such heading', 'docs/a.md: c.md leads to nothing'],
    );
  });

  test('anchors are made as GitHub makes them', () => {
    assert.deepEqual([...anchors("# Why can't A reach B?\n## weft up")], ['why-cant-a-reach-b', 'weft-up']);
  });

  test('finds commands in blocks and inline, and what they are made of', () => {
    const text = [
      '`bin/weft up` or `weft status --json`',
      '```',
      '$ bin/weft instance exec a -- sh -c "a | b" & # or so',
      'x=$(bin/weft status | cat)',
      'weft: state in /x',
      '$ npm start -- --hosts \\',
      '  2',
      '```',
    ].join('\n');
    assert.deepEqual(weftCommands(text), [
      ['up'],
      ['status', '--json'],
      ['instance', 'exec', 'a', '--', 'sh', '-c', 'a | b'],
      ['status'],
      ['up', '--hosts', '2'],
    ]);
  });

  test('a verb, an option or an argument that is not there is a problem; a placeholder is none', () => {
    assert.equal(problem(['fly']), 'no such verb');
    assert.equal(problem(['instance', 'fly']), 'no such verb');
    assert.match(problem(['up', '--host', '2']) ?? '', /unknown option '--host'/);
    assert.match(problem(['plug', 'a', 'b']) ?? '', /what is "b" for/);
    for (const argv of [['help'], ['help', 'up'], ['VERB', '--help'], ['instance'], ['plug'], ['up', '--hosts', 'N']])
      assert.equal(problem(argv), undefined, argv.join(' '));
  });
});
