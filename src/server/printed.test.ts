import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrintedObjects, PrintedPages, Texts, textOf } from './printed.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('a text is that of its revision and of what is shown', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port all', '1', 3, bytes('three'));
  assert.deepEqual(printed.get('port all', '1', 3), bytes('three'));
  assert.deepEqual(printed.get('port all', '1', 4), undefined);
  assert.deepEqual(printed.get('port all', '1', 2), undefined);
  assert.deepEqual(printed.get('port less', '1', 3), undefined);
});

test('a slow reader does not put an older text over a newer one', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port', '1', 4, bytes('four'));
  printed.keep('port', '1', 3, bytes('three'));
  assert.deepEqual(printed.get('port', '1', 4), bytes('four'));
});

test('what is asked for stays, what nobody asks for goes, and the whole has a bound', () => {
  const printed = new PrintedObjects(1000);
  const text = bytes('x'.repeat(100));
  printed.keep('port', 'asked', 1, text);
  printed.keep('port', 'forgotten', 1, text);
  for (let i = 0; i < 50; i++) {
    printed.keep('port', `other ${i}`, 1, text);
    assert.deepEqual(printed.get('port', 'asked', 1), text, `after ${i}`);
  }
  assert.deepEqual(printed.get('port', 'forgotten', 1), undefined);
  const kept = Array.from({ length: 50 }, (_, i) => printed.get('port', `other ${i}`, 1)).filter(t => t !== undefined);
  assert.ok(kept.length > 0 && kept.length <= 10, String(kept.length));
});

test('what has grown old is that of its revision still', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port', '1', 3, bytes('three'));
  for (let i = 0; i < 5; i++) printed.keep('port', `other ${i}`, 1, bytes('x'.repeat(100)));
  assert.equal(printed.get('port', '1', 4), undefined);
  assert.deepEqual(printed.get('port', '1', 3), bytes('three'));
});

test('an object that is printed again and again takes its place once', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port', 'stays', 1, bytes('x'.repeat(100)));
  for (let revision = 1; revision < 100; revision++) printed.keep('port', 'moves', revision, bytes('x'.repeat(100)));
  assert.deepEqual(printed.get('port', 'stays', 1)?.length, 100);
});

test('a page is that of the same objects in the same order, of the same revisions', () => {
  const pages = new PrintedPages(10_000);
  const texts = Texts.list([bytes('1'), bytes('2')]);
  const contents = { ids: ['a', 'b'], revisions: [1, 1] };
  pages.keep('ports all', 'of a project', contents, texts);
  assert.equal(pages.get('ports all', 'of a project', { ids: ['a', 'b'], revisions: [1, 1] }), texts);
  for (const other of [
    { ids: ['b', 'a'], revisions: [1, 1] },
    { ids: ['a', 'b'], revisions: [1, 2] },
    { ids: ['a'], revisions: [1] },
    { ids: ['a', 'b', 'c'], revisions: [1, 1, 1] },
  ])
    assert.equal(pages.get('ports all', 'of a project', other), undefined);
  assert.equal(pages.get('ports less', 'of a project', contents), undefined);
  assert.equal(pages.get('ports all', 'of another project', contents), undefined);
});

test('a page that would push out all others is not kept', () => {
  const pages = new PrintedPages(10_000);
  const contents = { ids: ['a'], revisions: [1] };
  pages.keep('ports', 'long', contents, Texts.list([bytes('x'.repeat(2000))]));
  assert.equal(pages.get('ports', 'long', contents), undefined);
});

test('a body is put together once for the same surroundings', () => {
  const texts = Texts.list([bytes('1'), bytes('2')]);
  const whole = texts.within('{"ports":', '}');
  assert.equal(Buffer.from(whole).toString(), '{"ports":[1,2]}');
  assert.equal(texts.within('{"ports":', '}'), whole);
  assert.equal(Buffer.from(texts.within('{"ports":', ',"links":[]}')).toString(), '{"ports":[1,2],"links":[]}');
  assert.equal(Buffer.from(texts.within('{"ports":', '}')).toString(), '{"ports":[1,2]}');
  assert.equal(Buffer.from(Texts.one(bytes('{}')).within('{"port":', '}')).toString(), '{"port":{}}');
  assert.equal(Buffer.from(Texts.list([]).within('{"ports":', '}')).toString(), '{"ports":[]}');
});

test('what is kept holds no memory beside its own', () => {
  const own = ({ buffer, length }: Uint8Array): boolean => buffer.byteLength === length;
  assert.ok(own(textOf({ name: 'port' })));
  const texts = Texts.list([bytes('1')]);
  assert.ok(own(texts.within('{"ports":', '}')));
});

test('a body with much around its list, of which the client decides, is not remembered', () => {
  const texts = Texts.list([bytes('1'), bytes('2')]);
  const links = `,"ports_links":"${'0'.repeat(10_000)}"}`;
  const whole = texts.within('{"ports":', links);
  assert.equal(Buffer.from(whole).toString(), `{"ports":[1,2]${links}`);
  assert.notEqual(texts.within('{"ports":', links), whole);
  assert.equal(texts.length, 2, 'nor as a part of it');
});
