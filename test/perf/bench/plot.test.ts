import assert from 'node:assert/strict';
import { test } from 'node:test';
import { svgOf } from './plot.ts';

const plot = {
  title: 'a < b & "c"',
  xLabel: 'ports',
  yLabel: 'times',
  ticks: [1000, 10_000, 100_000],
  limit: 1.5,
  lines: [
    {
      name: 'create',
      points: [
        { x: 1000, y: 1 },
        { x: 10_000, y: 1.1 },
        { x: 100_000, y: 1.2 },
      ],
    },
    { name: 'show', points: [{ x: 1000, y: 1 }] },
  ],
};

const path = (svg: string): [number, number][] =>
  [.../d="M([^"h]*)"/.exec(svg)![1]!.matchAll(/([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

test('each factor of ten is as wide, and more is higher', () => {
  const [first, second, third] = path(svgOf(plot)) as [number, number][];
  assert.ok(Math.abs(second![0] - first![0] - (third![0] - second![0])) < 0.2);
  assert.ok(first![1] > second![1] && second![1] > third![1]);
});

test('words are text, never marks', () => {
  const svg = svgOf(plot);
  assert.ok(svg.includes('a &lt; b &amp; &quot;c&quot;'));
  assert.equal(svg.match(/<text/g)?.length, svg.match(/<\/text>/g)?.length);
});

test('both grounds have their colours, and every line its name', () => {
  const svg = svgOf(plot);
  assert.ok(svg.includes('prefers-color-scheme:dark'));
  for (const { name } of plot.lines) assert.ok(svg.includes(`>${name}</text>`));
  for (const tick of ['1k', '10k', '100k']) assert.ok(svg.includes(`>${tick}</text>`));
});

test('lines beyond the colours differ by their dashes', () => {
  const lines = Array.from({ length: 10 }, (_, i) => ({ name: `line ${i}`, points: plot.lines[0]!.points }));
  const styles = [...svgOf({ ...plot, lines }).matchAll(/<path (stroke=.*?) d="M6\d\d /g)].map(([, style]) => style);
  assert.equal(new Set(styles).size, 10);
});

test('what is higher than the limit is inside the picture', () => {
  const lines = [
    {
      name: 'slow',
      points: [
        { x: 1000, y: 1 },
        { x: 100_000, y: 40 },
      ],
    },
  ];
  for (const [, y] of path(svgOf({ ...plot, lines }))) assert.ok(y >= 46);
});
