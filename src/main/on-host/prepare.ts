// What a machine needs before agents can work on it: bridged packets that iptables sees, and an address for the ends of tunnels.
import { existsSync } from 'node:fs';
import { run, tryRun } from '../sandbox/run.ts';

const bridgeFilter = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** Without br_netfilter security groups would let everything pass. Throws, in words, when it cannot be had. */
export async function ensureBridgeFilter(there = () => existsSync(bridgeFilter), load = loadBridgeFilter): Promise<void> {
  if (there()) return;
  const words = await load();
  if (!there())
    throw new Error(
      `this kernel does not show bridged packets to iptables, so that security groups would not hold: the module br_netfilter is not there${words === '' ? '' : ` (${words})`}. Load it with "modprobe br_netfilter", or leave out --on-host`,
    );
}

/** Answers why not. */
async function loadBridgeFilter(): Promise<string> {
  try {
    return (await tryRun(['modprobe', 'br_netfilter'])).stderr.trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

interface Device {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly local: string; readonly scope: string }[];
}

/** The wanted one when the machine has it, else the one by which it reaches others. Throws, in words, when there is none. */
export async function tunnelAddress(wanted: string | undefined): Promise<string> {
  const devices = JSON.parse(await run(['ip', '-j', '-4', 'address', 'show'])) as Device[];
  const routes = JSON.parse(await run(['ip', '-j', '-4', 'route', 'show', 'default'])) as Default[];
  return chooseAddress(wanted, devices, routes);
}

interface Default {
  readonly prefsrc?: string;
  readonly dev?: string;
}

export function chooseAddress(wanted: string | undefined, devices: readonly Device[], routes: readonly Default[]): string {
  const outer = devices.filter(device => device.ifname !== 'lo');
  if (wanted !== undefined) {
    const own = outer.flatMap(({ addr_info = [] }) => addr_info.map(({ local }) => local));
    if (own.includes(wanted)) return wanted;
    throw new Error(`--local-ip ${wanted} is not an address of this machine; it has ${own.join(', ') || 'none but that of lo'}`);
  }
  const [route] = routes;
  const ofDevice = outer.find(({ ifname }) => ifname === route?.dev)?.addr_info?.find(({ scope }) => scope === 'global')?.local;
  const found = route?.prefsrc ?? ofDevice;
  if (found !== undefined) return found;
  throw new Error('this machine has no default route that tells its address for the ends of tunnels: name one with --local-ip ADDRESS');
}
