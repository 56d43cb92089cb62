// The suites of the host's doors on the real doors; started inside a sandbox by host-doors.test.ts.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHost } from '../../../src/adapters/host/open-host.ts';
import type { Flow } from '../../../src/contracts/host/firewall.ts';
import { iptablesContract } from '../../../src/contracts/host/iptables.suite.ts';
import { linksContract } from '../../../src/contracts/host/links.suite.ts';
import { packetSetsContract } from '../../../src/contracts/host/packet-sets.suite.ts';
import { processesContract } from '../../../src/contracts/host/processes.suite.ts';
import { qdiscsContract } from '../../../src/contracts/host/qdiscs.suite.ts';
import { routesContract } from '../../../src/contracts/host/routes.suite.ts';
import type { HostUnderTest } from '../../../src/contracts/host/under-test.ts';

function attempt(...argv: readonly string[]) {
  const [file = '', ...args] = argv;
  return spawnSync(file, args, { encoding: 'utf8' });
}

function must(...argv: readonly string[]): void {
  const done = attempt(...argv);
  if (done.status !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr}${done.error ?? ''}`);
}

function conntrackArgs(flow: Flow): string[] {
  const option = (name: string, value: string | number | undefined): string[] => (value === undefined ? [] : [name, String(value)]);
  const v6 = flow.family === 6;
  const icmp = v6 ? 'icmpv6' : 'icmp';
  const translated = flow.replySrc !== undefined || flow.replyDst !== undefined;
  return [
    ...['-I', '-t', '600', '-s', flow.src ?? '', '-d', flow.dst ?? ''],
    ...option('-p', flow.protocol),
    ...option('-w', flow.zone),
    ...option('--sport', flow.srcPort),
    ...option('--dport', flow.dstPort),
    ...option(`--${icmp}-type`, flow.icmpType),
    ...option(`--${icmp}-code`, flow.icmpCode),
    ...(flow.protocol === icmp ? [`--${icmp}-id`, '7'] : []),
    ...(flow.protocol === 'tcp' ? ['--state', 'ESTABLISHED'] : []),
    ...(translated ? ['-r', flow.replySrc ?? flow.dst ?? '', '-q', flow.replyDst ?? flow.src ?? ''] : []),
    ...(translated ? [...option('--reply-port-src', flow.dstPort), ...option('--reply-port-dst', flow.srcPort)] : []),
  ];
}

/** An ordinary user may be kept from /dev/net/tun, as he is on many machines; any port will do. */
function plug(ns: string, name: string): void {
  const done = attempt('ip', '-n', ns, 'tuntap', 'add', 'dev', name, 'mode', 'tap');
  if (done.status !== 0) must('ip', '-n', ns, 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}-far`);
}

/** The link monitors that this process has started; it is alone in its pid namespace. */
function killMonitors(): void {
  for (const pid of readdirSync('/proc').filter(p => /^\d+$/.test(p))) {
    let line = '';
    try {
      line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      continue;
    }
    if (line.startsWith('ip\0') && line.includes('\0monitor\0')) process.kill(Number(pid), 'SIGKILL');
  }
}

async function open(): Promise<HostUnderTest> {
  let spawned = 0;
  const host = openHost({ onSpawn: () => void spawned++ });
  const folder = mkdtempSync(join(tmpdir(), 'weft-host-doors-'));
  return {
    host,
    folder,
    plug: async (ns, name) => plug(ns, name),
    unplug: async (ns, name) => must('ip', '-n', ns, 'link', 'del', name),
    track: async (ns, flow) => must('ip', 'netns', 'exec', ns, 'conntrack', ...conntrackArgs(flow)),
    kill: pid => void process.kill(pid, 'SIGKILL'),
    killMonitors: async () => killMonitors(),
    stays: ['sleep', '500'],
    endsAtOnce: { argv: ['ls', '/nonexistent'], words: /cannot access '\/nonexistent'/ },
    daemonises: pidFile => ['dnsmasq', '--port=0', '--conf-file=/dev/null', '--no-resolv', '--user=', '--group=', `--pid-file=${pidFile}`],
    spawned: () => spawned,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

linksContract('real', open);
routesContract('real', open);
iptablesContract('real', open);
packetSetsContract('real', open);
qdiscsContract('real', open);
processesContract('real', open);
