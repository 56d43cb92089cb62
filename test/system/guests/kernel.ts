// Debian's kernel with its modules, fetched once and kept beside the node modules. It is not installed: nothing of this machine boots from it.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../src/main/sandbox/run.ts';

const cache = join(import.meta.dirname, '../../../node_modules/.cache/weft-guest');
const folder = join(cache, 'kernel');

export interface GuestKernel {
  readonly image: string;
  /** Below it is lib/modules. */
  readonly folder: string;
  readonly version: string;
}

/** What a guest may want of the modules, which are a hundred times as many. */
const parts = ['net', 'fs/9p', 'fs/netfs', 'fs/fscache', 'drivers/virtio', 'drivers/net', 'lib', 'crypto', 'arch/x86/crypto'];

export async function debianKernel(): Promise<GuestKernel> {
  if (!existsSync(folder)) await fetchKernel();
  const [version = ''] = readdirSync(join(folder, 'lib/modules'));
  return { image: join(folder, `boot/vmlinuz-${version}`), folder, version };
}

/** Its package, into the folder; the package's name. */
async function download(into: string): Promise<string> {
  const depends = await run(['apt-cache', 'depends', '--important', 'linux-image-amd64']);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`which kernel Debian has is not known: ${depends}`);
  await run(['sh', '-c', 'cd "$0" && apt-get -qq download "$1"', into, name], { timeoutMs: 300_000 });
  return name;
}

/** In a folder of its own, which gets its name when it is whole. */
async function fetchKernel(): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(join(cache, 'fetched-'));
  try {
    const name = await download(made).catch(async () => {
      // The lists are old, or there are none yet.
      await run(['apt-get', '-qq', 'update'], { timeoutMs: 300_000 });
      return await download(made);
    });
    const [archive = ''] = readdirSync(made).filter(file => file.endsWith('.deb'));
    const version = name.replace('linux-image-', '');
    const wanted = [`./boot/vmlinuz-${version}`, ...parts.map(part => `./lib/modules/${version}/kernel/${part}`)];
    const lists = ['order', 'builtin', 'builtin.modinfo'].map(list => `./lib/modules/${version}/modules.${list}`);
    const kept = join(made, 'kernel');
    mkdirSync(kept);
    const unpack = 'dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "${11}" "${12}" "${13}"';
    await run(['sh', '-c', unpack, join(made, archive), kept, ...wanted, ...lists], { timeoutMs: 120_000 });
    await run(['depmod', '-b', kept, version]);
    writeFileSync(join(kept, 'from'), `${archive}\n`);
    renameSync(kept, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
