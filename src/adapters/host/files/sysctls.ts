// Sysctls: in the own namespace straight through /proc/sys; in another by sysctl(8), what one turn asks for in one process.
import { readFile, writeFile } from 'node:fs/promises';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { complaint, type Tools } from '../tools.ts';
import { sysctlPath, sysctlValue } from './sysctl-key.ts';

interface Asked {
  readonly path: string;
  readonly value: string;
  readonly resolve: (known: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class Sysctls {
  private readonly tools: Tools;
  private readonly asked = new Map<Netns, Asked[]>();

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async write(ns: Netns, key: string, value: string): Promise<boolean> {
    const path = sysctlPath(key);
    sysctlValue(value);
    if (ns === '') return await writeOwn(path, value);
    return await new Promise<boolean>((resolve, reject) => {
      const queue = this.asked.get(ns);
      if (queue) queue.push({ path, value, resolve, reject });
      else {
        this.asked.set(ns, [{ path, value, resolve, reject }]);
        setImmediate(() => void this.flush(ns));
      }
    });
  }

  async read(ns: Netns, key: string): Promise<string | undefined> {
    const path = sysctlPath(key);
    if (ns === '') {
      const text = await readFile(`/proc/sys/${path}`, 'utf8').catch(unknownKey(undefined));
      return text?.trimEnd();
    }
    const result = await this.tools.tool(ns, ['sysctl', '-n', path]);
    if (result.code === 0) return result.stdout.trimEnd();
    if (/cannot stat|No such file/.test(result.stderr)) return undefined;
    throw new HostRefusal('sysctl', complaint(result));
  }

  private async flush(ns: Netns): Promise<void> {
    const queue = this.asked.get(ns) ?? [];
    this.asked.delete(ns);
    try {
      const result = await this.tools.tool(ns, ['sysctl', '-qw', ...queue.map(a => `${a.path}=${a.value}`)]);
      for (const a of queue) answer(a, result.stderr);
    } catch (error) {
      for (const a of queue) a.reject(error);
    }
  }
}

/** sysctl(8) goes on after a bad key, and names it: `cannot stat /proc/sys/net/x: No such file…`, `setting key "net.x": Invalid argument`. */
function answer(asked: Asked, stderr: string): void {
  const lines = stderr
    .split('\n')
    .filter(l => l.includes(`/proc/sys/${asked.path}:`) || l.includes(`"${asked.path}"`) || l.includes(`"${dotted(asked.path)}"`));
  const [line] = lines;
  if (line === undefined) asked.resolve(true);
  else if (/No such file or directory/.test(line)) asked.resolve(false);
  else asked.reject(new HostRefusal('sysctl', line.trim()));
}

/** As sysctl(8) prints a key: separators as dots, and a device's own dots as slashes. */
const dotted = (path: string): string => path.replace(/[./]/g, c => (c === '.' ? '/' : '.'));

async function writeOwn(path: string, value: string): Promise<boolean> {
  try {
    await writeFile(`/proc/sys/${path}`, `${value}\n`, { flag: 'r+' });
    return true;
  } catch (error) {
    const unknown = unknownKey(false)(error);
    return unknown;
  }
}

function unknownKey<T>(value: T): (error: unknown) => T {
  return error => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return value;
    throw new HostRefusal('sysctl', message);
  };
}
