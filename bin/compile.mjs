// Makes the compiled form of Weft's programs: few files of plain JavaScript, which a start reads in a fraction of the time of 900 of TypeScript.
// Usage: node bin/compile.mjs. What is current stays; the form of before is kept for processes that still read of it.
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { compiledPrograms, currentFile, isTrusted, place, programs, root, stampOf } from './compiled.mjs';

/** How many forms stay, with the new one; and how long any stays, for a process that has begun to read it. */
const kept = 3;
const youngMs = 600_000;

/** Several services that start at once do the work once. Its maker may be killed, and be of another pid namespace: it counts for so long. */
const lock = join(place, 'compiling');
const lockMs = 60_000;

/** Files lie beside their sources, wherever those were compiled to. */
const placesOfSources = {
  name: 'places of sources',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8').replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
      return { contents, loader: 'ts' };
    });
  },
};

/** Packages that are no modules call `require`. */
const banner = "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Each program for itself: of files that several share there would be one for each set of those, and every file is found and linked at each start. */
async function compile(outdir) {
  const made = await Promise.all(programs.map(program => compileOne(program, outdir)));
  return {
    inputs: Object.assign({}, ...made.map(({ inputs }) => inputs)),
    outputs: Object.assign({}, ...made.map(({ outputs }) => outputs)),
  };
}

async function compileOne(program, outdir) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [program],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    metafile: true,
    logLevel: 'error',
    banner: { js: banner },
    plugins: [placesOfSources],
  });
  return metafile;
}

/** Nothing that was read may change within the second that its stamp names. */
async function untilPast(stamps) {
  const newest = Math.max(...stamps.map(({ second }) => second));
  const waitMs = (newest + 1) * 1000 - Date.now();
  if (waitMs > 0 && waitMs <= 1000) await sleep(waitMs);
}

function forget() {
  const made = readdirSync(place, { withFileTypes: true }).filter(entry => entry.isDirectory() && entry.name.startsWith('programs-'));
  const newestFirst = made.map(({ name }) => ({ name, at: statSync(join(place, name)).mtimeMs })).sort((a, b) => b.at - a.at);
  const old = newestFirst.slice(kept).filter(({ at }) => Date.now() - at > youngMs);
  for (const { name } of old) rmSync(join(place, name), { recursive: true, force: true });
}

/** True: it is ours. False: another has it. */
function take() {
  try {
    closeSync(openSync(lock, 'wx'));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
  if (since !== undefined && Date.now() - since > lockMs) rmSync(lock, { force: true });
  return false;
}

/** Until it is ours to make, or another has made it. */
async function isOurs() {
  while (compiledPrograms() === undefined) {
    if (take()) return true;
    await sleep(100);
  }
  return false;
}

async function make() {
  const outdir = mkdtempSync(join(place, 'programs-'));
  try {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts'));
    await untilPast(sources.map(path => stampOf(join('src', path))));
    const { inputs, outputs } = await compile(outdir);
    const stamps = Object.keys(inputs).map(path => ({ path, ...stampOf(path) }));
    const files = Object.entries(outputs).flatMap(([path, { entryPoint }]) => (entryPoint ? [[entryPoint, basename(path)]] : []));
    const current = {
      root,
      folder: relative(place, outdir),
      files: Object.fromEntries(files.filter(([source]) => programs.includes(source))),
      made: Object.entries(outputs).map(([path, { bytes }]) => [basename(path), bytes]),
      sources: stamps.map(({ path, size, second }) => [path, size, second]),
    };
    chmodSync(outdir, 0o755);
    writeFileSync(`${outdir}.json`, JSON.stringify(current));
    renameSync(`${outdir}.json`, join(place, currentFile));
  } catch (error) {
    rmSync(outdir, { recursive: true, force: true });
    throw error;
  }
  forget();
}

if (compiledPrograms() === undefined) {
  process.umask(0o022);
  mkdirSync(place, { recursive: true });
  if (!isTrusted(place)) throw new Error(`${place} is somebody else's, or others may write there`);
  if (await isOurs()) {
    try {
      if (compiledPrograms() === undefined) await make();
    } finally {
      rmSync(lock, { force: true });
    }
  }
}
