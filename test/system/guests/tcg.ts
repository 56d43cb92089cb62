// A small guest in QEMU without hardware's help, with Debian's kernel, for what this machine's kernel may lack. It sees the machine's root read-only,
// with a /run and /tmp of its own.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { run } from '../../../src/main/sandbox/run.ts';
import { startJob } from '../job.ts';
import { debianKernel, type GuestKernel } from './kernel.ts';

const programs: Readonly<Record<string, string>> = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  busybox: '/usr/bin/busybox',
  kmod: '/sbin/modprobe',
};

export function noGuest(): string | false {
  if (process.arch !== 'x64') return `kernel: guests are x64, and this machine is ${process.arch}`;
  if (import.meta.dirname.startsWith('/tmp/')) return 'place: guests have a /tmp of their own, and would not see this checkout';
  const missing = Object.keys(programs).filter(name => !existsSync(programs[name]!));
  return missing.length > 0 && `missing here (Debian: ${missing.join(', ')})`;
}

export interface GuestOptions {
  /** Modules of its kernel that are to be there from its start. */
  readonly modules: readonly string[];
  readonly memory: string;
  readonly withinMs: number;
}

/**
 * Runs command lines as root in a guest, one after another; what they print, and `guest-ended 0` where none failed. Rejects where the guest does not come
 * to its end.
 */
export async function inGuest(commands: readonly (readonly string[])[], options: GuestOptions): Promise<string> {
  const kernel = await debianKernel();
  const folder = mkdtempSync(join(tmpdir(), 'weft-guest-'));
  try {
    writeFileSync(join(folder, 'init'), initOf(commands, kernel, options), { mode: 0o755 });
    const initrd = await firstRoot(folder, kernel);
    const seconds = String(Math.ceil(options.withinMs / 1000));
    const withUs = ['setpriv', '--pdeathsig', 'KILL', '--'];
    const job = startJob([...withUs, 'timeout', '-k', '2', seconds, ...withUs, ...machine(kernel, initrd, options)]);
    if (process.env['WEFT_TEST_DEBUG'] === '1') job.child.stdout?.pipe(process.stderr);
    await job.done;
    const text = job.output().replaceAll('\r', '');
    if (!text.includes(ended)) throw new Error(`the guest did not come to its end within ${seconds} s:\n${text.slice(-4000)}`);
    return text;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function machine(kernel: GuestKernel, initrd: string, { memory }: GuestOptions): string[] {
  const chips = '-accel tcg,thread=multi -cpu max -smp 2 -M q35 -nodefaults -nographic -serial stdio -no-reboot'.split(' ');
  const root = 'local,id=root,path=/,security_model=none,readonly=on,multidevs=remap';
  const boot = ['-kernel', kernel.image, '-initrd', initrd, '-append', 'console=ttyS0 quiet mitigations=off panic=-1'];
  const share = ['-fsdev', root, '-device', 'virtio-9p-pci,fsdev=root,mount_tag=root'];
  return ['qemu-system-x86_64', ...chips, '-m', memory, ...boot, ...share];
}

/** A root in memory that finds the machine's and goes on there. */
async function firstRoot(folder: string, { folder: below, version }: GuestKernel): Promise<string> {
  const root = join(folder, 'root');
  for (const part of ['bin', 'proc', 'dev', 'new', 'modules']) mkdirSync(join(root, part), { recursive: true });
  const busybox = programs['busybox']!;
  copyFileSync(busybox, join(root, 'bin/busybox'));
  const libraries = (await run(['ldd', busybox])).matchAll(/(\/\S+\.so\S*)/g);
  for (const [, library = ''] of libraries) {
    mkdirSync(join(root, library, '..'), { recursive: true });
    copyFileSync(library, join(root, library));
  }
  const show = ['modprobe', '-d', below, '-S', version, '--show-depends', '-a', 'virtio_pci', '9pnet_virtio', '9p'];
  const files = new Set([...(await run(show)).matchAll(/^insmod (\S+)/gm)].map(([, file = '']) => file));
  for (const file of files) copyFileSync(file, join(root, 'modules', basename(file)));
  writeFileSync(
    join(root, 'init'),
    firstInit(
      [...files].map(file => basename(file)),
      join(folder, 'init'),
    ),
    { mode: 0o755 },
  );
  const initrd = join(folder, 'initrd');
  await run(['sh', '-c', 'cd "$0" && busybox find . | busybox cpio -o -H newc > "$1"', root, initrd]);
  return initrd;
}

const firstInit = (modules: readonly string[], next: string): string => `#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
${modules.map(file => `busybox insmod /modules/${file}`).join('\n')}
busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose root /new
busybox mount --move /dev /new/dev
busybox umount /proc
exec busybox switch_root /new ${next}
`;

const ended = 'guest-ended';
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Modules are found below a folder of their own, also those that the kernel asks for itself. */
const initOf = (commands: readonly (readonly string[])[], { folder }: GuestKernel, { modules }: GuestOptions): string => `#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/tmp WEFT_TEST_PATIENCE=10
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /run/netns
printf '#!/bin/sh\\nexec /sbin/modprobe -d ${folder} "$@"\\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a ${modules.join(' ')}
ip link set lo up
cd /
failed=0
${commands.map(argv => `${argv.map(quoted).join(' ')} || failed=1`).join('\n')}
echo "${ended} $failed"
busybox poweroff -f
`;
