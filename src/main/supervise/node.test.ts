import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { keepAllocator, nodeArgv, nodeEnv } from './node.ts';

const printed = (argv: readonly string[]): Record<string, string> => {
  const { stdout } = spawnSync(argv[0] as string, argv.slice(1), { encoding: 'utf8' });
  const settings = stdout.split('\n').filter(line => line.startsWith('MALLOC_'));
  return Object.fromEntries(settings.map(line => line.split('=')));
};

test("what Weft starts has its allocator where it is a program of Weft, and the machine's where it is not", () => {
  const before = { ...process.env };
  try {
    Object.assign(process.env, nodeEnv);
    keepAllocator();
    assert.deepEqual(printed(['env']), {});
    const ours = nodeArgv([]);
    assert.deepEqual(printed([...ours.slice(0, ours.indexOf(process.execPath)), 'env']), nodeEnv);
    // Whoever has set one keeps it, for all.
    Object.assign(process.env, nodeEnv, { MALLOC_ARENA_MAX: '7' });
    keepAllocator();
    assert.deepEqual(printed(['env']), { MALLOC_ARENA_MAX: '7' });
    const theirs = nodeArgv([]);
    assert.deepEqual(printed([...theirs.slice(0, theirs.indexOf(process.execPath)), 'env']), { ...nodeEnv, MALLOC_ARENA_MAX: '7' });
  } finally {
    for (const name of Object.keys(nodeEnv)) delete process.env[name];
    Object.assign(process.env, before);
  }
});
