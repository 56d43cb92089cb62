// Contained mode without root: the main process itself moves into a user namespace in which it is root, and nothing else changes.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { launcher, nodeEnv } from './supervise/node.ts';

const marker = 'WEFT_USER_NAMESPACE';

/** True in the process that `enterUserNamespace` made of us. */
export function inUserNamespace(): boolean {
  return process.env[marker] === '1';
}

/**
 * Replaces this process (same pid, same terminal) by itself in a user namespace of its own. Returns only when that cannot be: with why.
 * As root there is nothing to do, and the answer is undefined.
 */
export function enterUserNamespace(): string | undefined {
  if (process.getuid?.() === 0) return undefined;
  const probe = spawnSync('unshare', [
    '--user',
    '--map-root-user',
    'unshare',
    '--mount',
    '--net',
    '--pid',
    '--fork',
    '--mount-proc',
    'true',
  ]);
  if (probe.status !== 0) return refusal(`${probe.stderr ?? probe.error?.message ?? ''}`.trim());
  const program = [process.execPath, ...process.execArgv, launcher, ...process.argv.slice(1)];
  const unshare = ['/usr/bin/unshare', '/bin/unshare'].find(existsSync) ?? '/usr/bin/unshare';
  process.execve?.(unshare, ['unshare', '--user', '--map-root-user', '--', ...program], { ...nodeEnv, ...environment(), [marker]: '1' });
  return 'this Node.js cannot replace its own process';
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Switches by which distributions forbid it, and what an administrator would run. */
const switches = [
  { file: '/proc/sys/kernel/unprivileged_userns_clone', off: '0', allow: 'sysctl -w kernel.unprivileged_userns_clone=1' },
  {
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    off: '1',
    allow: 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  },
  { file: '/proc/sys/user/max_user_namespaces', off: '0', allow: 'sysctl -w user.max_user_namespaces=10000' },
];

function refusal(words: string): string {
  const found = switches.find(({ file, off }) => existsSync(file) && readFileSync(file, 'utf8').trim() === off);
  const why = found ? `${found.file} is ${found.off}; an administrator can allow it with "${found.allow}"` : words;
  return `this machine does not let ordinary users make namespaces (${why}). Start Weft as root instead.`;
}
