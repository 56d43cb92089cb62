// Programs start as compiled where that is of these sources and nobody else's to write, and as sources everywhere else.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { programs, root as weft } from './compiled.mjs';

const weftProgram = `import { where } from '../where.ts';
interface Erased { readonly line: 3 }
const fail = (): never => { throw new Error('words') };
try { fail() } catch (error) {
  console.log(JSON.stringify({ ...where, argv: process.argv.slice(1), stack: (error as Error).stack, compiled: import.meta.url.includes('/.cache/') }));
}
`;

/** A tree like ours with small programs. */
function tree(t) {
  const root = mkdtempSync(join(tmpdir(), 'weft-run-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const name of ['compiled.mjs', 'run.mjs', 'compile.mjs']) {
    mkdirSync(join(root, 'bin'), { recursive: true });
    copyFileSync(join(import.meta.dirname, name), join(root, 'bin', name));
  }
  for (const program of programs) {
    mkdirSync(dirname(join(root, program)), { recursive: true });
    writeFileSync(join(root, program), weftProgram.replace('../where.ts', `${'../'.repeat(program.split('/').length - 2)}where.ts`));
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  const write = (version, at = new Date(1e12)) => {
    writeFileSync(join(root, 'src/where.ts'), `export const where = { version: ${version}, folder: import.meta.dirname };`);
    utimesSync(join(root, 'src/where.ts'), at, at);
  };
  write(1);
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['esbuild', '@esbuild']) symlinkSync(join(weft, 'node_modules', name), join(root, 'node_modules', name));
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const node = (...argv) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...argv], {
      encoding: 'utf8',
      env,
    });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const program = join(root, 'src/main/weft.ts');
  return {
    ...{ root, program, write, place: join(root, 'node_modules/.cache/weft') },
    compile: () => node(join(root, 'bin/compile.mjs')),
    run: (...words) => JSON.parse(node(join(root, 'bin/run.mjs'), program, ...words)),
  };
}

test('what a program sees of itself is the same either way: its words, its folder, the places of its errors', t => {
  const { root, program, run, compile } = tree(t);
  const { compiled, stack, ...before } = run('server', '--debug');
  assert.deepEqual([compiled, before], [false, { version: 1, folder: join(root, 'src'), argv: [program, 'server', '--debug'] }]);
  compile();
  const { compiled: after, stack: mapped, ...same } = run('server', '--debug');
  assert.deepEqual([after, same], [true, before]);
  for (const text of [stack, mapped]) assert.match(text, new RegExp(`^Error: words\\n {4}at fail \\((file://)?${program}:3:\\d+\\)\\n`));
});

test('a source that has changed, or that is gone, counts at once; compiled again it is quick again', t => {
  const { root, run, compile, write, place } = tree(t);
  compile();
  const first = readFileSync(join(place, 'current.json'), 'utf8');
  compile();
  assert.equal(readFileSync(join(place, 'current.json'), 'utf8'), first, 'what is current stays');
  write(2, new Date(1e12 + 1000));
  assert.deepEqual([run().compiled, run().version], [false, 2]);
  compile();
  assert.deepEqual([run().compiled, run().version], [true, 2]);
  rmSync(join(root, 'src/main/agent.ts'));
  assert.equal(run().compiled, false);
});

test('what several programs share is in each of them: nothing else is looked for at a start', t => {
  const { run, compile, place } = tree(t);
  compile();
  assert.equal(run().compiled, true);
  const [form = ''] = readdirSync(place).filter(name => name.startsWith('programs-'));
  assert.equal(readdirSync(join(place, form)).filter(name => name.endsWith('.mjs')).length, programs.length);
});

test('forms of before stay for those that still read of them, but not for ever', t => {
  const { compile, write, place } = tree(t);
  const forms = () => readdirSync(place).filter(name => name.startsWith('programs-'));
  const again = version => {
    write(version, new Date(1e12 + version * 1000));
    compile();
  };
  for (let version = 1; version <= 5; version++) again(version);
  assert.equal(forms().length, 5, 'somebody may have begun to read of one a moment ago');
  for (const form of forms()) utimesSync(join(place, form), new Date(1e12), new Date(1e12));
  again(6);
  assert.equal(forms().length, 3);
});

test('many that start at once compile once', async t => {
  const { root, run, place } = tree(t);
  const one = async () => {
    const [code] = await once(spawn(process.execPath, [join(root, 'bin/compile.mjs')], { stdio: 'inherit' }), 'exit');
    return code;
  };
  assert.deepEqual(await Promise.all([one(), one(), one(), one()]), [0, 0, 0, 0]);
  assert.equal(run().compiled, true);
  const left = readdirSync(place).filter(name => name !== 'code');
  assert.deepEqual([left.length, left.includes('compiling')], [2, false], left.join());
});

test('a form of which a file is gone is none', t => {
  const { run, compile, place } = tree(t);
  compile();
  const [form = ''] = readdirSync(place).filter(name => name.startsWith('programs-'));
  rmSync(join(place, form, 'agent.mjs'));
  assert.equal(run().compiled, false);
  compile();
  assert.equal(run().compiled, true);
});

test('who was killed while it compiled holds up nobody for long', t => {
  const { compile, run, place } = tree(t);
  compile();
  rmSync(join(place, 'current.json'));
  const lock = join(place, 'compiling');
  writeFileSync(lock, '');
  utimesSync(lock, new Date(1e12), new Date(1e12));
  compile();
  assert.deepEqual([run().compiled, existsSync(lock)], [true, false]);
});

test('nothing is run, or kept, that somebody else may write', t => {
  const { run, compile, place } = tree(t);
  const umask = process.umask(0o002);
  t.after(() => process.umask(umask));
  compile();
  assert.equal(run().compiled, true);
  const [form = ''] = readdirSync(place).filter(name => name.startsWith('programs-'));
  for (const folder of [place, join(place, form)]) {
    chmodSync(folder, 0o777);
    assert.equal(run().compiled, false, folder);
    chmodSync(folder, 0o755);
    if (process.getuid() === 0) {
      chownSync(folder, 1234, 1234);
      assert.equal(run().compiled, false, folder);
      chownSync(folder, 0, 0);
    }
  }
  assert.equal(run().compiled, true);
  const code = join(place, 'code');
  assert.equal(statSync(code).mode & 0o777, 0o700);
  assert.ok(readdirSync(code).length > 0);
  rmSync(code, { recursive: true });
  mkdirSync(code);
  chmodSync(code, 0o777);
  assert.equal(run().compiled, true);
  assert.deepEqual(readdirSync(code), []);
});

test('where nothing can be kept, programs run', t => {
  const { root, run } = tree(t);
  writeFileSync(join(root, 'node_modules/.cache'), '');
  assert.equal(run().compiled, false);
  assert.ok(existsSync(join(root, 'node_modules/.cache')));
});

test('what was compiled elsewhere is not run', t => {
  const { run, compile, place } = tree(t);
  compile();
  const current = JSON.parse(readFileSync(join(place, 'current.json'), 'utf8'));
  writeFileSync(join(place, 'current.json'), JSON.stringify({ ...current, root: '/somewhere' }));
  assert.equal(run().compiled, false);
});
