// Opens the state directory, or says in the user's words why it cannot be used.
import { mkdirSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type StateFolder, stateFolder } from '../../cli/state.ts';

/** Kernel limit of a Unix socket's path, less the longest name that we put in the directory. */
const maxPath = 107 - '/control.sock'.length;
/** Sandboxes have these of their own, and their agents must find the bus. */
const hiddenFolders = ['/run', '/proc', '/sys', '/dev'];

/** Makes the directory (0700) and answers it by its real path; throws with words for the user. */
export function openStateFolder(path: string, contained: boolean): StateFolder {
  const wanted = resolve(path);
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const real = realpathSync(wanted);
  if (Buffer.byteLength(real) > maxPath)
    throw new Error(`the state directory's path is ${Buffer.byteLength(real)} bytes long; sockets in it allow ${maxPath}: ${real}`);
  const hidden = hiddenFolders.find(folder => real === folder || real.startsWith(`${folder}/`));
  if (contained && hidden)
    throw new Error(`the state directory may not lie below ${hidden}, which contained hosts do not share with the machine: ${real}`);
  const folder = stateFolder(real);
  mkdirSync(folder.run, { recursive: true, mode: 0o700 });
  return folder;
}
