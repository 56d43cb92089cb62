// Opens the state directory, or says in the user's words why it cannot be used.
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type StateFolder, stateFolder } from '../../cli/state.ts';

/** Kernel limit of a Unix socket's path, less the longest name that we put in the directory. */
const maxPath = 107 - '/control.sock'.length;
/** Sandboxes have these of their own, and their agents must find the bus. */
const hiddenFolders = ['/run', '/proc', '/sys', '/dev'];

/** Makes the directory (0700) and answers it by its real path; throws with words for the user. */
export function openStateFolder(path: string, contained: boolean, env: NodeJS.ProcessEnv = process.env): StateFolder {
  const wanted = resolve(path);
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const real = realpathSync(wanted);
  if (Buffer.byteLength(real) > maxPath)
    throw new Error(`the state directory's path is ${Buffer.byteLength(real)} bytes long; sockets in it allow ${maxPath}: ${real}`);
  const hidden = hiddenFolders.find(folder => real === folder || real.startsWith(`${folder}/`));
  if (contained && hidden)
    throw new Error(`the state directory may not lie below ${hidden}, which contained hosts do not share with the machine: ${real}`);
  refuseOpen(real, env);
  const folder = stateFolder(real);
  mkdirSync(folder.run, { recursive: true, mode: 0o700 });
  return folder;
}

/** What the kernel calls an owner whom our user namespace does not know: nobody in it can be that. */
const unknownUid = 65_534;

/** The directory holds who may do what: whoever can put a file in place of another there is an administrator. */
function refuseOpen(real: string, env: NodeJS.ProcessEnv): void {
  const { uid, mode } = statSync(real);
  if ((mode & 0o002) !== 0)
    throw new Error(
      `anybody may write in the state directory, and so change its users and their rights: "chmod o-w" it, or name another: ${real}`,
    );
  const trusted = [0, process.getuid?.(), Number(env['SUDO_UID'] ?? Number.NaN), unknownUid];
  if (!trusted.includes(uid))
    throw new Error(
      `the state directory belongs to another user, ${uid}, who could change its users and their rights; name another: ${real}`,
    );
}
