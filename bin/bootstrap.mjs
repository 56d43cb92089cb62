// Makes a fresh clone able to run: node modules with the pinned Node.js 24, and the Debian packages whose programs Weft calls.
// Usage: node bin/bootstrap.mjs run|dev|bench|test [WORDS of weft up]. When all is there it only looks at files and takes no time.
// Plain JavaScript on purpose: it runs on the Node.js that the machine has (20 or later).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledPrograms } from './compiled.mjs';
import {
  benchPackages,
  conformancePackages,
  installPackages,
  installPlan,
  missingPackages,
  programFolders,
  runPackages,
  testPackages,
  upPackages,
} from './packages.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const node = join(modules, '.bin/node');
const stamp = join(modules, '.weft-stamp');
const wantedMajor = 24;

class Stop extends Error {}

function say(line) {
  process.stderr.write(`weft: ${line}\n`);
}

/** Runs one step with a line before it and its time behind it; throws Stop with the last words of a command that failed. */
function run(title, argv, env = {}) {
  process.stderr.write(`weft: ${title} … `);
  const began = Date.now();
  const done = spawnSync(argv[0], argv.slice(1), {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (done.status === 0) {
    process.stderr.write(`${((Date.now() - began) / 1000).toFixed(1)} s\n`);
    return done.stdout;
  }
  process.stderr.write('failed\n');
  const words = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
  throw new Stop(`${argv.join(' ')} failed: ${done.error?.message ?? `status ${done.status ?? done.signal}`}\n${words}`);
}

function tryRun(argv) {
  spawnSync(argv[0], argv.slice(1), { stdio: 'ignore' });
}

function nodeVersion(program) {
  const done = spawnSync(program, ['-v'], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

const isWanted = version => version?.startsWith(`v${wantedMajor}.`) === true;

/** npm writes node_modules/.package-lock.json at the end of an install: newer than our lock file, it is the install we would make. */
function installedByHand() {
  const theirs = join(modules, '.package-lock.json');
  return existsSync(theirs) && existsSync(node) && statSync(theirs).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function installModules() {
  // npm's own search path begins with node_modules/.bin, whose Node.js is about to be replaced.
  const PATH = (process.env.PATH ?? '')
    .split(':')
    .filter(folder => !folder.startsWith(modules))
    .join(':');
  // Not `npm ci`: it refuses a lock file that lacks the optional packages of other platforms, which a registry without them makes.
  // The versions are those of the lock file all the same, and --no-save leaves it as it is.
  run(
    'installing the node modules (npm install)',
    ['npm', 'install', '--no-save', '--include=optional', '--include=dev', '--no-audit', '--no-fund'],
    { PATH },
  );
}

/** Node modules as package-lock.json says, and a Node.js 24 at node_modules/.bin/node. */
function ensureModules() {
  const want = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === want) return;
  if (!installedByHand()) installModules();
  ensureNode();
  writeFileSync(stamp, want);
}

function ensureNode() {
  const found = existsSync(node) ? nodeVersion(node) : undefined;
  if (isWanted(found)) return;
  // The pinned package exists for glibc on x64 and arm64; elsewhere the machine's own Node.js serves if it is the right one.
  if (isWanted(process.version)) {
    mkdirSync(dirname(node), { recursive: true });
    rmSync(node, { force: true });
    symlinkSync(process.execPath, node);
    return;
  }
  throw new Stop(
    `Weft needs Node.js ${wantedMajor}. The pinned one (npm package node-${process.platform}-${process.arch}) ${found ? `is ${found}` : 'does not run here'}, ` +
      `and this machine's is ${process.version}. Please install Node.js ${wantedMajor}, then start again.`,
  );
}

/** The compiled form of the sources, for a quick start. Where it cannot be made, everything works without it. */
function ensureCompiled() {
  const canCompile = existsSync(join(modules, 'esbuild')) && isWritable(modules);
  if (!canCompile || compiledPrograms() !== undefined) return;
  try {
    run('compiling the programs', [node, join(root, 'bin/compile.mjs')]);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function packagesOf(mode) {
  if (mode === 'test') return { ...runPackages, ...testPackages, ...conformancePackages };
  return mode === 'bench' ? { ...runPackages, ...benchPackages } : upPackages(process.argv.slice(3));
}

function ensurePackages(mode) {
  const packages = packagesOf(mode);
  const folders = programFolders(process.env.PATH ?? '');
  const missing = missingPackages(packages, folders);
  const isDebian = folders.some(folder => existsSync(join(folder, 'apt-get')));
  const plan = installPlan({ missing, packages, isDebian, isRoot: process.getuid?.() === 0 });
  if (plan.kind === 'nothing') return;
  if (plan.kind === 'install') {
    installPackages(plan.packages, { run, tryRun });
    const still = missingPackages(packages, folders);
    if (still.length === 0) return;
    const programs = still.flatMap(name => packages[name]).join(', ');
    throw new Stop(`The packages ${still.join(' ')} are installed, and yet not all of their programs are there: ${programs}`);
  }
  // Tests that lack a program skip themselves and say so; a continuous integration run may not.
  if (mode === 'test' && !process.env.CI) say(`${plan.text}\nTests that need them will be skipped.`);
  else if (mode === 'bench') say(`${plan.text}\nWhat needs them is not measured.`);
  else throw new Stop(plan.text);
}

function main() {
  const mode = process.argv[2] ?? 'run';
  if (!['run', 'dev', 'bench', 'test'].includes(mode)) throw new Stop(`usage: node bin/bootstrap.mjs run|dev|bench|test`);
  if (process.platform !== 'linux') throw new Stop(`Weft runs on Linux; this is ${process.platform}.`);
  ensureModules();
  ensureCompiled();
  if (mode !== 'dev') ensurePackages(mode);
}

try {
  main();
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  say(error.message);
  process.exitCode = 1;
}
