import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndedSpan, readTraceparent, tracer } from './tracer.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';

test('a traceparent is read as W3C has it, and what is none is none', () => {
  assert.deepEqual(readTraceparent(`00-${trace}-${span}-01`), { traceId: trace, spanId: span, sampled: true });
  assert.equal(readTraceparent(`00-${trace}-${span}-00`)?.sampled, false);
  assert.equal(readTraceparent(`cc-${trace}-${span}-01-later`)?.traceId, trace);
  for (const wrong of [
    `ff-${trace}-${span}-01`,
    `00-${trace}-${span}-01-more`,
    `00-${'0'.repeat(32)}-${span}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${span}-01`,
    'x',
    '',
  ])
    assert.equal(readTraceparent(wrong), undefined, wrong);
});

test('spans are children of those around them, also when others run meanwhile; who wants no trace gets none', async () => {
  const ended: EndedSpan[] = [];
  const traces = tracer(each => ended.push(each));
  const one = (name: string, traceparent?: string): Promise<void> =>
    traces.span(name, { kind: 'server', ...(traceparent ? { traceparent } : {}) }, async () => {
      await new Promise(resolve => setTimeout(resolve, 2));
      await traces.span(`${name} inner`, { kind: 'internal' }, async () => {});
    });
  await Promise.all([one('a', `00-${trace}-${span}-01`), one('b'), one('c', `00-${trace}-${span}-00`)]);
  const [a, b] = ['a', 'b'].map(name => ended.find(each => each.name === name) as EndedSpan) as [EndedSpan, EndedSpan];
  assert.deepEqual([a.traceId, a.parentSpanId, b.parentSpanId], [trace, span, undefined]);
  for (const outer of [a, b]) {
    const inner = ended.find(each => each.name === `${outer.name} inner`) as EndedSpan;
    assert.deepEqual([inner.traceId, inner.parentSpanId], [outer.traceId, outer.spanId]);
    assert.ok(outer.start <= inner.start && inner.end <= outer.end);
  }
  assert.equal(ended.length, 4);
});

test('what throws fails its span and passes through', async () => {
  const ended: EndedSpan[] = [];
  await assert.rejects(
    tracer(each => ended.push(each)).span('fails', { kind: 'internal' }, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(ended[0]?.failed, true);
});
