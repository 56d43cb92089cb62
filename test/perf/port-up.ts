// How long a port takes to become ACTIVE, as seen over HTTP: from the moment the tap of a bound port appears, and from binding a port
// whose tap is there already. Beside it, in the same run, what a machine needs at the very least: one spawned `ip link add` and
// `ip link set master`, which wires a tap without asking anybody, and one GET.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/port-up.ts [ports]
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Body } from '../../src/client/api.ts';
import { run } from '../../src/main/sandbox/run.ts';
import { enterArgv } from '../../src/main/sandbox/sandbox.ts';
import { type Made, WeftWorld } from '../system/weft-world.ts';
import { markdown, ms, percentile } from './statistics.ts';

const count = Number(process.argv[2] ?? 100);
/** Ports before the count begins: the bridge, the tunnel and the DHCP server of the network are made with the first. */
const warmUp = 3;
const pollMs = 2;
const patienceMs = 20_000;

/** One connection that stays, so that a poll costs one request and nothing else. */
class Poller {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private readonly url: string;
  private readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  get(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request(`${this.url}/v2.0${path}`, { agent: this.agent, headers: { 'x-auth-token': this.token } }, reply => {
        let text = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        reply.on('end', () => resolve(text));
      });
      call.on('error', reject);
      call.end();
    });
  }

  /** Milliseconds from `began` until an answer that says ACTIVE is here. */
  async active(port: string, began: number): Promise<number> {
    for (;;) {
      const asked = performance.now();
      if ((await this.get(`/ports/${port}?fields=status`)).includes('"ACTIVE"')) return performance.now() - began;
      if (asked - began > patienceMs) throw new Error(`port ${port} is not ACTIVE after ${patienceMs} ms`);
      const left = pollMs - (performance.now() - asked);
      if (left > 0) await sleep(left);
    }
  }

  [Symbol.dispose](): void {
    this.agent.destroy();
  }
}

/** ip(8) in the host's network, started once: a line is a change, and no process is spawned in what is measured. */
class Kernel {
  private readonly child: ChildProcess;

  constructor(init: number) {
    const [command = '', ...args] = enterArgv(init, ['ip', '-batch', '-']);
    this.child = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  }

  /** As Nova leaves it: a device that is up, with the guest behind it. */
  plug(tap: string): void {
    const lines = [
      `link add ${tap} type veth peer name ${tap.replace('tap', 'vm-')}`,
      `link set ${tap} addrgenmode none`,
      `link set ${tap} up`,
    ];
    this.child.stdin?.write(`${lines.join('\n')}\n`);
  }

  unplug(tap: string): void {
    this.child.stdin?.write(`link delete ${tap}\n`);
  }

  [Symbol.dispose](): void {
    this.child.stdin?.end();
  }
}

const tapOf = (port: string): string => `tap${port.slice(0, 11)}`;

async function token(cloud: { url: string; user: string; password: string }): Promise<string> {
  const auth = {
    identity: { methods: ['password'], password: { user: { name: cloud.user, password: cloud.password, domain: { id: 'default' } } } },
    scope: { project: { name: cloud.user, domain: { id: 'default' } } },
  };
  const reply = await fetch(`${cloud.url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  });
  return reply.headers.get('x-subject-token') ?? '';
}

async function main(): Promise<void> {
  await using world = await WeftWorld.open();
  const host = (await world.status()).hosts[0];
  if (host?.init === undefined) throw new Error('no contained host');
  using kernel = new Kernel(host.init);
  using poller = new Poller(world.url, await token(await world.login('admin')));
  const network = await world.create(world.admin, 'network', { name: 'perf' });
  await world.create(world.admin, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/16' });
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  await world.create(world.admin, 'subnet', { network_id: network.id, ip_version: 6, cidr: '2001:db8::/64', ...slaac });
  const ports: string[] = [];
  const newPort = async (more: Body): Promise<Made> => {
    const attributes = { network_id: network.id, device_owner: 'compute:nova', device_id: randomUUID(), ...more };
    const port = await world.create(world.admin, 'port', attributes);
    ports.push(port.id);
    return port;
  };
  /** So that the second measurement begins where the first did: each port comes to those before it. */
  const removeAll = async (): Promise<void> => {
    for (const id of ports.splice(0)) {
      kernel.unplug(tapOf(id));
      await world.admin.delete(`/ports/${id}`);
    }
    await sleep(3000);
  };

  /** The port is bound, and DHCP is ready for it long before its tap appears. */
  const tapAppears = async (): Promise<number> => {
    const { id } = await newPort({ 'binding:host_id': host.name });
    await sleep(150);
    const began = performance.now();
    kernel.plug(tapOf(id));
    return poller.active(id, began);
  };
  /** The tap is there, and the agent has asked about it in vain. */
  const portIsBound = async (): Promise<number> => {
    const { id } = await newPort({});
    kernel.plug(tapOf(id));
    await sleep(250);
    const began = performance.now();
    const bound = world.admin.put(`/ports/${id}`, { port: { 'binding:host_id': host.name } });
    const [took] = await Promise.all([poller.active(id, began), bound]);
    return took;
  };
  const get = async (): Promise<number> => {
    const began = performance.now();
    await poller.get(`/networks/${network.id}?fields=status`);
    return performance.now() - began;
  };

  const rows: Row[] = [];
  const measure = async (what: string, times: number, once: () => Promise<number>): Promise<void> => {
    const values: number[] = [];
    for (let i = -warmUp; i < times; i++) {
      const value = await once();
      if (i >= 0) values.push(value);
    }
    rows.push({ what, p50: percentile(values, 0.5), p95: percentile(values, 0.95), max: Math.max(...values) });
  };
  await measure('bare: `ip link add` and `ip link set master`, spawned', count, () => bareWiring(host.init as number));
  await measure('bare: one GET of a network', count, get);
  await measure('tap of a bound port appears → ACTIVE', count, tapAppears);
  await removeAll();
  await measure('port with a tap is bound → ACTIVE', count, portIsBound);
  print(rows);
}

interface Row {
  readonly what: string;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

let wires = 0;

/** A veth into a bridge by two processes, in the host's network: what any agent that spawns ip(8) pays for the wire alone. */
async function bareWiring(init: number): Promise<number> {
  const inHost = (...argv: string[]): Promise<string> => run(['nsenter', '-t', String(init), '-n', '--', ...argv]);
  const name = `bare${wires++}`;
  await inHost('ip', 'link', 'add', `${name}b`, 'type', 'bridge');
  const began = performance.now();
  await inHost('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`);
  await inHost('ip', 'link', 'set', name, 'master', `${name}b`, 'up');
  const took = performance.now() - began;
  await inHost('ip', 'link', 'delete', name);
  await inHost('ip', 'link', 'delete', `${name}b`);
  return took;
}

function print(rows: readonly Row[]): void {
  const wiring = rows[0]?.p50 ?? Number.NaN;
  const table = rows.map(row => [row.what, ms(row.p50), ms(row.p95), ms(row.max), (row.p50 / wiring).toFixed(2)]);
  process.stdout.write(`${markdown([['what', 'p50 ms', 'p95 ms', 'max ms', 'p50 ratio'], ...table])}\n`);
}

await main();
