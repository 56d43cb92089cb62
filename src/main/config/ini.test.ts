import assert from 'node:assert/strict';
import test from 'node:test';
import { parseIni, strip } from './ini.ts';

const settings = (text: string) => parseIni(text, 'f').settings.map(s => [s.group, s.name, s.value, s.line]);

test('sections, comments, quotes, values over several lines, repeated names', () => {
  const text = '# a comment\n[DEFAULT]\na = 1\n; another\nb: "x y"\n\n[cors]\nlist = a,\n  b,\n\tc\na=\na = 2 # not a comment\n';
  assert.deepEqual(settings(text), [
    ['DEFAULT', 'a', '1', 3],
    ['DEFAULT', 'b', 'x y', 5],
    ['cors', 'list', 'a,\nb,\nc', 8],
    ['cors', 'a', '', 11],
    ['cors', 'a', '2 # not a comment', 12],
  ]);
});

test('the first of = and : ends a name; quotes are of the first line alone; an indented comment is none', () => {
  assert.deepEqual(settings('[a]\nx:y=1\nx=y:1\nq="1\n 2"\nd="\ne=x\n # y\n\x0c'), [
    ['a', 'x', 'y=1', 2],
    ['a', 'x', 'y:1', 3],
    ['a', 'q', '"1\n2"', 4],
    ['a', 'd', '', 6],
    ['a', 'e', 'x\n# y', 7],
  ]);
});

test('ends of lines and white space are those of Python', () => {
  assert.deepEqual(settings('[a]\r\nx = 1\ry = 2\x1c \n'), [
    ['a', 'x', '1', 2],
    ['a', 'y', '2', 3],
  ]);
  assert.equal(strip('\x1f\u00a0x\x85\u3000'), 'x');
  assert.equal(strip('\ufeffx'), '\ufeffx');
});

test('what is no configuration is refused with its place, all of it', () => {
  for (const [text, line] of [
    ['a = 1', 1],
    ['[DEFAULT]\njust words', 2],
    ['[DEFAULT]\n  indented', 2],
    ['[DEFAULT]\na = 1\n\n  indented', 4],
    ['[DEFAULT]\na = 1\n# comment\n  indented', 4],
    ['[DEFAULT]\na = 1\n[b]\n  indented', 4],
    ['[DEFAULT]\n= 1', 2],
    ['[]', 1],
    ['[DEFAULT] # main', 1],
    ['\ufeff[DEFAULT]', 1],
  ] as const) {
    const { problems } = parseIni(text, 'x.conf');
    assert.match(String(problems[0]), new RegExp(`^x\\.conf:${line}: `), text);
    assert.equal(problems.length, 1);
  }
  assert.equal(parseIni('a\n[x]\nb\n c\n=d', 'x').problems.length, 4);
});
