// A stand-in for a VM: a sandbox inside a host, with a device whose other end is the tap that Nova would have made.
// Real DHCP clients and the kernel's own SLAAC run in it, so it has what the network gave it and nothing else.
import { readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../sandbox/proc.ts';
import { run, tryRun } from '../sandbox/run.ts';
import { openSandbox, type Place, type Sandbox } from '../sandbox/sandbox.ts';
import { awaitWired, completeChecksums, connectTap, disconnectTap, type TapOwner } from './wiring.ts';

/** The first 11 characters of the port's id: what Nova and the agents call its tap. */
export function tapName(portId: string): string {
  return `tap${portId.slice(0, 11)}`;
}

export interface StaticAddress {
  /** With prefix length. */
  readonly cidr: string;
  readonly gateway: string | null;
}

/** How the network gives addresses, as its subnets say. */
export interface Addressing {
  readonly dhcp4: boolean;
  /** `other`: everything but the address comes by DHCPv6. */
  readonly dhcp6: 'no' | 'address' | 'other';
  /** Of subnets without DHCP: what a configuration drive would hold. */
  readonly fixed: readonly StaticAddress[];
}

export interface Vm extends AsyncDisposable {
  readonly sandbox: Sandbox;
  awaitWired(withinMs: number): Promise<boolean>;
  /** Raises the device and starts the clients. */
  boot(addressing: Addressing): Promise<void>;
  /** Addresses of its device with prefix lengths, link-local ones left out. */
  addresses(): Promise<string[]>;
}

const device = 'eth0';
/** Detection takes a second or two; what takes longer is a duplicate. */
const linkLocalMs = 10_000;
const clientFiles = ['-cf', join(import.meta.dirname, 'dhclient.conf'), '-sf', join(import.meta.dirname, 'dhclient-script')];

export async function openVm(
  host: Place,
  options: { name: string; tap: string; mac: string } & Pick<TapOwner, 'portId' | 'instanceId' | 'bridge'>,
): Promise<Vm> {
  const { name, tap, mac } = options;
  const complete = completeChecksums(host, device);
  const sandbox = await openSandbox(name, { within: host, mounts: join(import.meta.dirname, 'mounts.fstab') });
  try {
    const resolver = await ownResolver(sandbox);
    await run(host.enterNetwork(['ip', '-batch', '-']), { input: tapBatch({ tap, mac, pid: sandbox.init.pid, mark: host.owned?.mark }) });
    if (complete) await run(sandbox.enterNetwork(complete));
    await connectTap(host, tap, options);
    return {
      sandbox,
      awaitWired: withinMs => awaitWired(host, tap, withinMs),
      boot: addressing => boot(sandbox, resolver, addressing),
      addresses: () => addresses(sandbox),
      async [Symbol.asyncDispose]() {
        // Without its host it is gone already.
        if (!host.init || isAlive(host.init)) await unplug(host, tap);
        await sandbox[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    throw error;
  }
}

/** The tap itself speaks no IPv6: on a real host it has no address either. */
export function tapBatch(options: { tap: string; mac: string; pid: number; mark: string | undefined }): string {
  const { tap, mac, pid, mark } = options;
  return [
    `link add ${tap} type veth peer name ${device} address ${mac} netns ${pid}`,
    ...markLines(tap, mark),
    `link set ${tap} addrgenmode none`,
    `link set ${tap} up`,
    '',
  ].join('\n');
}

/** Behind the making of a link, where what is ours is told by a mark. */
export function markLines(link: string, mark: string | undefined): string[] {
  return mark === undefined ? [] : [`link set ${link} alias ${mark}`];
}

/** Gives the instance an /etc/resolv.conf of its own; answers the file behind it. */
async function ownResolver(sandbox: Sandbox): Promise<string> {
  const target = linkTarget('/etc/resolv.conf');
  // /run is the instance's own, so the file can simply be made where the machine's link points.
  const file = target?.startsWith('/run/') ? target : '/run/weft/resolv.conf';
  await run(sandbox.enter(['install', '-D', '-m', '644', '/dev/null', file]));
  if (file !== target) await tryRun(sandbox.enter(['mount', '--no-mtab', '--bind', file, '/etc/resolv.conf']));
  return file;
}

function linkTarget(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined;
  }
}

async function boot(sandbox: Sandbox, resolver: string, { dhcp4, dhcp6, fixed }: Addressing): Promise<void> {
  const routes = fixed.flatMap(({ gateway }) => (gateway === null ? [] : [`route replace default via ${gateway} dev ${device} onlink`]));
  const batch = [
    'link set lo up',
    `link set ${device} up`,
    ...fixed.map(({ cidr }) => `address replace ${cidr} dev ${device}`),
    ...routes,
    '',
  ];
  await run(sandbox.enterNetwork(['ip', '-batch', '-']), { input: batch.join('\n') });
  const client = (family: 4 | 6, ...more: string[]): Promise<string> => {
    const files = ['-lf', `/run/weft/dhclient${family}.leases`, '-pf', `/run/weft/dhclient${family}.pid`];
    const env = ['-e', `WEFT_RESOLVER=${resolver}`];
    return run(sandbox.enter(['dhclient', `-${family}`, '-nw', '-q', ...more, ...clientFiles, ...files, ...env, device]));
  };
  const client6 = async (): Promise<string> => {
    await awaitLinkLocal(sandbox);
    return client(6, ...(dhcp6 === 'other' ? ['-S'] : []));
  };
  await run(sandbox.enter(['install', '-d', '/run/weft']));
  await Promise.all([dhcp4 ? client(4) : '', dhcp6 === 'no' ? '' : client6()]);
}

/** The client speaks from the link-local address, and gives up at once while duplicate address detection holds it. */
async function awaitLinkLocal(sandbox: Sandbox): Promise<void> {
  const look = ['ip', '-6', '-o', 'address', 'show', 'dev', device, 'scope', 'link', '-tentative'];
  for (const deadline = performance.now() + linkLocalMs; performance.now() < deadline; await sleep(100)) {
    if ((await run(sandbox.enterNetwork(look))).trim() !== '') return;
  }
  throw new Error(`${device} has no link-local address after ${linkLocalMs} ms`);
}

async function unplug(host: Place, tap: string): Promise<void> {
  await disconnectTap(host, tap);
  await tryRun(host.enterNetwork(['ip', 'link', 'delete', tap]));
}

interface IpLink {
  readonly addr_info?: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
    readonly tentative?: boolean;
  }[];
}

async function addresses(sandbox: Sandbox): Promise<string[]> {
  if (!isAlive(sandbox.init)) return [];
  const done = await tryRun(sandbox.enterNetwork(['ip', '-j', 'address', 'show', 'dev', device]));
  if (done.code !== 0) return [];
  const links = JSON.parse(done.stdout || '[]') as IpLink[];
  return links.flatMap(link => link.addr_info ?? []).flatMap(a => (a.scope === 'link' || a.tentative ? [] : [`${a.local}/${a.prefixlen}`]));
}
