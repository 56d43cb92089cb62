// The door to files: atomic writes below any folder, and sysctls of any namespace.
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Files } from '../../../contracts/host/files.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import type { Tools } from '../tools.ts';
import { Sysctls } from './sysctls.ts';

export class DiskFiles implements Files {
  private readonly sysctls: Sysctls;

  constructor(tools: Tools) {
    this.sysctls = new Sysctls(tools);
  }

  async read(path: string): Promise<string | undefined> {
    return await readFile(path, 'utf8').catch(absent(undefined));
  }

  async write(path: string, text: string, mode = 0o644): Promise<boolean> {
    if ((await this.read(path)) === text) {
      if (((await stat(path)).mode & 0o7777) !== mode) await chmod(path, mode);
      return false;
    }
    await mkdir(dirname(path), { recursive: true });
    const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
    try {
      await writeFile(fresh, text, { mode, flag: 'wx' });
      await chmod(fresh, mode); // the umask took bits away
      await rename(fresh, path);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
    return true;
  }

  async remove(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }

  async list(folder: string): Promise<readonly string[]> {
    return (await readdir(folder).catch(absent<string[]>([]))).sort();
  }

  sysctl(ns: Netns, key: string, value: string): Promise<boolean> {
    return this.sysctls.write(ns, key, value);
  }

  readSysctl(ns: Netns, key: string): Promise<string | undefined> {
    return this.sysctls.read(ns, key);
  }
}

function absent<T>(value: T): (error: unknown) => T {
  return error => {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return value;
    throw error;
  };
}
