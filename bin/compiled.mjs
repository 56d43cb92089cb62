// Where Weft's compiled form is, and whether it may be used: it has to be of these very sources, and nobody else's to write.
// Plain JavaScript on purpose: bin/bootstrap.mjs runs it on the Node.js that the machine has.
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** A folder for each time it was compiled, and the file that says which of them counts. */
export const place = join(root, 'node_modules/.cache/weft');
export const currentFile = 'current.json';

/** Processes that are entered, or started one by the other. */
export const programs = ['weft', 'agent', 'service/worker', 'sandbox/relay', 'on-host/reaper', 'audit/program'].map(
  name => `src/main/${name}.ts`,
);

/** What tells that a file is another one. Whole seconds, since that is what an image keeps of its files' times. */
export function stampOf(path) {
  const found = statSync(join(root, path), { throwIfNoEntry: false });
  return found && { size: found.size, second: Math.floor(found.mtimeMs / 1000) };
}

/** As whom the kernel shows all users that a user namespace does not know. */
const anybody = 65534;

/** A folder whose code we run: of root, of us, or of the one whose sources these are, and for nobody else to write. */
export function isTrusted(folder) {
  try {
    const found = lstatSync(folder);
    if (!found.isDirectory() || (found.mode & 0o022) !== 0) return false;
    const { uid } = statSync(join(root, 'bin'));
    return found.uid === 0 || found.uid === process.getuid() || (found.uid === uid && uid !== anybody);
  } catch {
    return false;
  }
}

/** The folder and the file of each program in it; undefined where there is none that may be used. */
export function compiledPrograms() {
  try {
    if (!isTrusted(place)) return undefined;
    const current = JSON.parse(readFileSync(join(place, currentFile), 'utf8'));
    const folder = join(place, current.folder);
    if (current.root !== root || !isTrusted(folder)) return undefined;
    for (const [path, size, second] of current.sources) {
      const now = stampOf(path);
      if (now?.size !== size || now.second !== second) return undefined;
    }
    // Whoever was killed, or cleaned up, may have left a part of it.
    for (const [name, bytes] of current.made) if (statSync(join(folder, name)).size !== bytes) return undefined;
    return { folder, files: current.files };
  } catch {
    return undefined;
  }
}
