// Starts a program of Weft: run.mjs PROGRAM.ts [WORDS]. Its compiled form where that is current, else the sources; the same happens either way.
// Plain JavaScript on purpose: for a first file in TypeScript Node.js would load its parser, of tens of MiB, before any cache is open.
import { mkdirSync, readFileSync } from 'node:fs';
import { constants, enableCompileCache, flushCompileCache, SourceMap } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compiledPrograms, isTrusted, place, root } from './compiled.mjs';

/** Late enough to hold what a start needs; a process that is killed leaves it behind all the same. */
const flushAfterMs = 5000;

/** Compiled code of V8. Whoever names another folder for it, Node.js has opened that already. */
function openCodeCache() {
  if (process.env.NODE_COMPILE_CACHE === undefined && !openOurs()) return;
  setTimeout(flushCompileCache, flushAfterMs).unref();
}

function openOurs() {
  const folder = join(place, 'code');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // Others have made it, or nobody can.
  }
  return isTrusted(place) && isTrusted(folder) && enableCompileCache(folder).status === constants.compileCacheStatus.ENABLED;
}

/** Stack traces name the sources. A map is read when the first error of its file is looked at. */
function tellSources(folder) {
  const maps = new Map();
  const mapOf = file => {
    if (!maps.has(file)) maps.set(file, new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8'))));
    return maps.get(file);
  };
  const sourceOf = site => {
    const url = site.getFileName() ?? '';
    const file = url.startsWith('file:') ? fileURLToPath(url) : url;
    const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
    if (!file.startsWith(`${folder}/`) || line === null || column === null) return String(site);
    const found = mapOf(file).findOrigin(line, column);
    const source = found.fileName === undefined ? file : resolve(dirname(file), found.fileName);
    return String(site).replace(`${url}:${line}:${column}`, `${source}:${found.lineNumber ?? line}:${found.columnNumber ?? column}`);
  };
  Error.prepareStackTrace = (error, sites) => {
    try {
      return [error, ...sites.map(site => `at ${sourceOf(site)}`)].join('\n    ');
    } catch {
      return [error, ...sites.map(site => `at ${site}`)].join('\n    ');
    }
  };
}

const [, , program] = process.argv;
if (program === undefined) throw new Error('usage: run.mjs PROGRAM.ts [WORDS]');
process.argv.splice(1, 2, resolve(program));
openCodeCache();
const compiled = compiledPrograms();
const file = compiled?.files[relative(root, process.argv[1])];
if (file !== undefined) tellSources(compiled.folder);
await import(pathToFileURL(file === undefined ? process.argv[1] : join(compiled.folder, file)).href);
