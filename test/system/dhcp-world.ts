// For the tests of the DHCP and metadata agents: a sandboxed host with a plain bridge per network in the L2 agent's place, clients in
// namespaces, a server on a bus, and the agents as a process of their own that can be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixHub } from '../../src/adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type Dict, SimServer } from '../../src/agent/dhcp/sim-server.suite.ts';
import type { Json } from '../../src/contracts/bus.ts';
import { childrenOf } from '../../src/main/sandbox/proc.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';

const HOST = 'weft-dhcp';

/** Takes what the client was given as lines `name=value`, and sets it up: address, MTU, routes. */
const UDHCPC = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
env > "$WEFT_OUT"
ip addr flush dev $interface scope global
ip addr add $ip/$mask dev $interface
[ -n "$mtu" ] && ip link set $interface mtu $mtu
ip route flush dev $interface proto static
if [ -n "$staticroutes" ]; then
  set -- $staticroutes
  while [ $# -gt 1 ]; do
    if [ "$2" = 0.0.0.0 ]; then ip route replace $1 dev $interface proto static
    else ip route replace $1 via $2 dev $interface proto static; fi
    shift 2
  done
else
  for r in $router; do ip route replace default via $r dev $interface proto static; done
fi
exit 0
`;
const DHCLIENT = `#!/bin/sh
case "$reason" in BOUND6|REPLY6|REBIND6|RENEW6) env > "$WEFT_OUT" ;; esac
[ -n "$new_ip6_address" ] && ip addr replace $new_ip6_address/$new_ip6_prefixlen dev $interface nodad
exit 0
`;

export class DhcpWorld implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly server: SimServer;
  readonly folder: string;
  readonly state: string;
  /** Port id → what Weft says of the instance on it. */
  readonly instances: Map<string, Json>;
  private readonly stack: AsyncDisposableStack;
  private agents: { readonly child: ChildProcess; readonly output: () => string } | undefined;
  private runs = 0;

  private constructor(parts: {
    sandbox: Sandbox;
    server: SimServer;
    folder: string;
    instances: Map<string, Json>;
    stack: AsyncDisposableStack;
  }) {
    this.sandbox = parts.sandbox;
    this.server = parts.server;
    this.folder = parts.folder;
    this.state = join(parts.folder, 'state');
    this.instances = parts.instances;
    this.stack = parts.stack;
  }

  static async open(): Promise<DhcpWorld> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-dhcp-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    // Daemons that have changed their user read their files again.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'udhcpc'), UDHCPC, { mode: 0o755 });
    writeFileSync(join(folder, 'dhclient'), DHCLIENT, { mode: 0o755 });
    const hub = stack.use(await UnixHub.listen(join(folder, 'bus'), { clock: systemClock, log: textLog({ sink: { write() {} } }) }));
    const server = stack.use(new SimServer(hub.bus, HOST));
    await server.start();
    const instances = new Map<string, Json>();
    const get_instance = (args: Readonly<Record<string, Json>>): Json => instances.get(String(args['port_id'])) ?? null;
    stack.use(await hub.bus.serve({ topic: 'weft-metadata', server: 'weft', endpoints: [{ version: '1.0', methods: { get_instance } }] }));
    const sandbox = stack.use(await openSandbox(HOST));
    return new DhcpWorld({ sandbox, server, folder, instances, stack: stack.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.stack.disposeAsync();
  }

  /** A command on the host, in its own namespace. */
  host(...argv: string[]): Promise<string> {
    return run(this.sandbox.enter(argv), { timeoutMs: 60_000 });
  }

  inside(ns: string, ...argv: string[]): Promise<string> {
    return this.host('ip', 'netns', 'exec', ns, ...argv);
  }

  attempt(ns: string, ...argv: string[]): Promise<Done> {
    return tryRun(this.sandbox.enter(['ip', 'netns', 'exec', ns, ...argv]), { timeoutMs: 60_000 });
  }

  /** A client on the bridge, which is made when it is not there. */
  async client(name: string, bridge: string, mac: string): Promise<void> {
    await tryRun(this.sandbox.enter(['ip', 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0']));
    await this.host('ip', 'link', 'set', bridge, 'up');
    await this.host('ip', 'netns', 'add', name);
    await this.host('ip', 'link', 'add', `o-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name, 'address', mac);
    await this.host('ip', 'link', 'set', `o-${name}`, 'master', bridge, 'up');
    await this.inside(name, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0', 'net.ipv6.conf.eth0.accept_ra=0');
    await this.host('ip', '-n', name, 'link', 'set', 'lo', 'up');
    await this.host('ip', '-n', name, 'link', 'set', 'eth0', 'up');
    await this.until(`${name} has a link-local address`, async () => {
      const text = await this.host('ip', '-n', name, '-6', 'addr', 'show', 'dev', 'eth0', 'scope', 'link', '-tentative');
      return text.includes('fe80::');
    });
  }

  /** As the L2 agent does when it hears of the tap of a network's DHCP port. */
  async plug(networkId: string, bridge: string): Promise<void> {
    const file = `${this.state}/dhcp/${networkId}/interface`;
    await this.until('the DHCP port is there', async () => {
      const inside = (await tryRun(['cat', file])).stdout.trim();
      const tap = inside.replace(/^ns-/, 'tap');
      return inside !== '' && (await tryRun(this.sandbox.enter(['ip', 'link', 'set', tap, 'master', bridge]))).code === 0;
    });
  }

  /** What an IPv4 client is given, after it has set itself up; undefined when nobody answers. */
  async lease4(ns: string, ...options: string[]): Promise<ReadonlyMap<string, string> | undefined> {
    const out = join(this.folder, `lease-${++this.runs}`);
    const wanted = ['mtu', 'staticroutes', 'domain', 'ntpsrv', 'hostname', 'search'].flatMap(o => ['-O', o]);
    const argv = ['udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '4', '-T', '1', ...wanted, ...options, '-s', join(this.folder, 'udhcpc')];
    const done = await this.attempt(ns, 'env', `WEFT_OUT=${out}`, ...argv);
    return done.code === 0 ? variables(out) : undefined;
  }

  /** What an IPv6 client is given; with `-S` options alone. */
  async lease6(ns: string, ...options: string[]): Promise<ReadonlyMap<string, string> | undefined> {
    const out = join(this.folder, `lease-${++this.runs}`);
    const files = ['-lf', `${out}.leases`, '-pf', `${out}.pid`, '-sf', join(this.folder, 'dhclient')];
    writeFileSync(`${out}.leases`, '');
    const argv = ['timeout', '15', 'dhclient', '-6', '-1', '-cf', '/dev/null', '-e', `WEFT_OUT=${out}`, ...options, ...files, 'eth0'];
    await this.attempt(ns, ...argv);
    const pid = (await tryRun(['cat', `${out}.pid`])).stdout.trim();
    if (pid !== '') await tryRun(this.sandbox.enter(['kill', '-9', pid]));
    return variables(out);
  }

  async start(...options: string[]): Promise<void> {
    const program = `${import.meta.dirname}/dhcp-agents-program.ts`;
    const argv = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      program,
      join(this.folder, 'bus'),
      HOST,
      this.state,
      ...options,
    ];
    const [command = '', ...args] = this.sandbox.enter(argv);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [text, out] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    this.agents = { child, output: () => text };
    await this.until('the agents are in sync', async () => {
      if (child.exitCode !== null) throw new Error(`the agents ended: ${text}`);
      return out.includes('synced');
    });
  }

  /** kill -9: no chance to tidy up. */
  kill(): void {
    const child = this.agents?.child;
    this.agents = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    for (const below of childrenOf(child.pid)) process.kill(below, 'SIGKILL');
    child.kill('SIGKILL');
  }

  log(): string {
    return this.agents?.output() ?? '';
  }

  notify(method: string, payload: Dict): Promise<void> {
    return this.server.notify(method, payload);
  }

  /** 0 while there is none. */
  pidOf(networkId: string, daemon: 'dnsmasq' | 'haproxy'): number {
    const file = daemon === 'dnsmasq' ? `dhcp/${networkId}/pid` : `external/pids/${networkId}.pid.haproxy`;
    const path = join(this.state, file);
    return existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  }

  /** Polls; fails with what was awaited and the agents' log. */
  async until(what: string, look: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await look())) {
      if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${this.log()}`);
      await sleep(50);
    }
  }
}

function variables(file: string): ReadonlyMap<string, string> | undefined {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return new Map(lines.map(l => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)] as const));
  } catch {
    return undefined;
  }
}
