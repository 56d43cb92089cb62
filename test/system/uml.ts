// A program of this checkout in a small guest, by user-mode-linux, whose kernel has what the one at hand may lack: VLAN devices. The guest sees the
// machine's files and cannot change them; /tmp and /run are its own.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function noGuest(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  return spawnSync('linux.uml', ['--version']).status === 0 ? false : 'missing here (Debian: user-mode-linux): linux.uml';
}

export interface GuestOutcome {
  /** The program's status; undefined when the guest did not come to its end in time. */
  readonly code: number | undefined;
  readonly output: string;
}

const modules = ['veth', 'bridge', 'tun', '8021q', 'br_netfilter', 'vxlan'];
const ended = 'guest-status';

const init = (argv: readonly string[]): string => `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TMPDIR=/tmp WEFT_TEST_PATIENCE=10
mount -t proc proc /proc; mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /tmp
mkdir -p /run/netns /run/m/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" "/run/m/lib/modules/$(uname -r)"
printf '#!/bin/sh\\nexec /sbin/modprobe -d /run/m "$@"\\n' > /run/modprobe; chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a ${modules.join(' ')}
ip link set lo up
cd ${quoted(process.cwd())}
${argv.map(quoted).join(' ')} </dev/null
echo "${ended} $?"
echo o > /proc/sysrq-trigger
sleep 10
`;

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Runs it as root of the guest, on the Node.js that runs here. */
export async function inGuest(program: readonly string[], timeoutMs: number): Promise<GuestOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'uml-'));
  try {
    const file = join(folder, 'init');
    writeFileSync(file, init([process.execPath, '--disable-warning=ExperimentalWarning', ...program]), { mode: 0o755 });
    const root = ['root=none', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${file}`];
    const child = spawn('linux.uml', ['mem=768M', ...root, 'con=null', 'con0=fd:0,fd:1', `uml_dir=${folder}`, 'quiet'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk.replaceAll('\r', '');
    });
    const gone = new Promise<void>(resolve => child.once('close', () => resolve()));
    // The guest's processes are the machine's, in the group of the first one.
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), timeoutMs);
    await gone;
    clearTimeout(timer);
    const status = new RegExp(`^${ended} (\\d+)$`, 'm').exec(output)?.[1];
    return { code: status === undefined ? undefined : Number(status), output };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
