// Imports go one way: the table of docs/architecture.md, read from the source itself.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cycle, edges, importsOf, loadedWith, wrongWay } from './layers.ts';

const sources = join(import.meta.dirname, '../src');
const graph = edges(sources);
const edge = (from: string, to: string, typeOnly = false) => ({ from, to, typeOnly });

test('no import under src goes the wrong way', () => {
  assert.ok(graph.length > 50, 'the imports were read');
  assert.deepEqual(wrongWay(graph), []);
});

// An import of one of these reads every export that it has: an HTTP client is loaded (13 MiB), all certificates are parsed.
test('what is costly to import is asked of the process', () => {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter(
    f => f.endsWith('.ts') && !/\.(test|suite)\.ts$/.test(f),
  );
  const costly = files.filter(file => /^import (?!type ).*'node:(https?|tls)'/m.test(readFileSync(join(sources, file), 'utf8')));
  assert.deepEqual(costly, []);
});

// The process that keeps workers running answers no request and has no host; workers begin to load only once it has come so far.
test('a server of several processes loads neither the API nor hosts into the first of them', () => {
  const unwanted = ['npm:fastify', 'main/server.ts', 'main/ground.ts', 'main/on-host/machine.ts'];
  for (const file of ['main/up.ts', 'main/rpc-server.ts', 'main/service/group.ts']) {
    const loaded = loadedWith(graph, file);
    assert.deepEqual(
      unwanted.filter(each => loaded.has(each)),
      [],
      file,
    );
  }
  assert.ok(loadedWith(graph, 'main/service/worker.ts').has('npm:fastify'), 'imports are followed');
});

test('before it starts workers it has loaded neither bus nor policy', () => {
  const loaded = loadedWith(graph, 'main/service/group.ts');
  assert.deepEqual(
    ['adapters/bus-unix/unix-hub.ts', 'main/policy.ts'].filter(each => loaded.has(each)),
    [],
  );
});

test('there is no import cycle under src', () => {
  assert.equal(cycle(graph), undefined);
});

test('a wrong direction is seen, and a test file is let through', () => {
  assert.deepEqual(wrongWay([edge('domain/ipam.ts', 'server/http.ts')]), ['domain/ipam.ts may not import server/http.ts']);
  assert.deepEqual(wrongWay([edge('domain/ipam.test.ts', 'server/http.ts'), edge('contracts/bus.suite.ts', 'adapters/x.ts')]), []);
});

test('the inner folders of the agent are purer than the agent', () => {
  assert.deepEqual(wrongWay([edge('agent/l3/x.ts', 'contracts/bus.ts'), edge('agent/l3/x.ts', 'agent/render/y.ts')]), []);
  assert.equal(wrongWay([edge('agent/render/y.ts', 'contracts/bus.ts'), edge('agent/desired/y.ts', 'engine/delta.ts')]).length, 2);
});

test('pure folders import no package, others may', () => {
  assert.equal(wrongWay([edge('model/x.ts', 'npm:node:fs'), edge('server/x.ts', 'npm:fastify')]).length, 1);
});

test('nobody but main names an adapter, and nobody imports a test', () => {
  assert.equal(wrongWay([edge('server/x.ts', 'adapters/y.ts'), edge('main/x.ts', 'adapters/y.ts')]).length, 1);
  assert.equal(wrongWay([edge('server/x.ts', 'server/y.test.ts')]).length, 1);
});

test('a folder that is not in the table is refused', () => {
  assert.equal(wrongWay([edge('misc/x.ts', 'model/y.ts')]).length, 1);
});

test('a cycle is found and named, one of types only is none', () => {
  assert.deepEqual(cycle([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')]), ['b', 'c', 'b']);
  assert.equal(cycle([edge('a', 'b'), edge('b', 'a', true)]), undefined);
  assert.equal(cycle([edge('a', 'b'), edge('a', 'c'), edge('b', 'c')]), undefined);
});

test('every form of import is read', () => {
  const text = [
    "import a from './a.ts';",
    "import type { B } from './b.ts';",
    "export * from './c.ts';",
    "import './d.ts';",
    'import {\n  e,\n  f,\n} from "./e.ts";',
    "const g = await import('./g.ts');",
    "// import x from './not-this.ts'",
  ].join('\n');
  assert.deepEqual(
    importsOf(text).map(i => i.module),
    ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './g.ts'],
  );
  assert.deepEqual(
    importsOf(text).filter(i => i.typeOnly),
    [{ module: './b.ts', typeOnly: true, late: false }],
  );
  assert.deepEqual(
    importsOf(text).flatMap(i => (i.late ? [i.module] : [])),
    ['./g.ts'],
  );
});
