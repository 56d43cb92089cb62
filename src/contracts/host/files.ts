// The door to files and sysctls on a host. Paths are absolute.
import type { Netns } from './netns.ts';

export interface Files {
  read(path: string): Promise<string | undefined>;
  /** Atomic (temporary file and rename); makes the folders above. Answers whether the content changed. */
  write(path: string, text: string, mode?: number): Promise<boolean>;
  /** Removes a file or a folder with all in it. Idempotent. */
  remove(path: string): Promise<void>;
  /** Names, sorted; empty where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Writes `/proc/sys/<key with dots or slashes>` in the namespace; answers false where the kernel has no such key, throws HostRefusal where it refuses the value. */
  sysctl(ns: Netns, key: string, value: string): Promise<boolean>;
  readSysctl(ns: Netns, key: string): Promise<string | undefined>;
}
