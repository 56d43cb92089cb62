// For tests of QoS: policies of the test's server, how fast bytes arrive, how many packets of a burst, and the DSCP that packets carry on the wire.
import assert from 'node:assert/strict';
import type { FakeServer } from '../../src/agent/l2/fake-server.suite.ts';
import { uuid } from '../../src/agent/l2/fake-server.suite.ts';
import type { Image } from '../../src/domain/objects/encode.ts';
import type { Job } from './job.ts';
import type { BridgeWorld, Instance } from './linuxbridge-world.ts';

const node = (script: string, ...args: (string | number)[]): string[] => [process.execPath, '-e', script, ...args.map(String)];

type Rule = Readonly<Record<string, unknown>> & { readonly type: string };

export const bandwidth = (direction: string, max_kbps: number, max_burst_kbps = 0): Rule => ({
  type: 'QosBandwidthLimitRule',
  direction,
  max_kbps,
  max_burst_kbps,
});
export const packetRate = (direction: string, max_kpps: number, max_burst_kpps = 0): Rule => ({
  type: 'QosPacketRateLimitRule',
  direction,
  max_kpps,
  max_burst_kpps,
});
export const marking = (dscp_mark: number): Rule => ({ type: 'QosDscpMarkingRule', dscp_mark });

/** A policy of the test's server, whose rules can change. */
export class Policy {
  readonly id: string;
  private readonly server: FakeServer;
  private revision = 1;

  constructor(server: FakeServer, n: number, rules: readonly Rule[]) {
    this.server = server;
    this.id = uuid(0x90, n);
    server.object('QosPolicy', this.id, this.image(rules));
  }

  async change(...rules: readonly Rule[]): Promise<void> {
    this.revision++;
    const image = this.image(rules);
    this.server.object('QosPolicy', this.id, image);
    await this.server.push('QosPolicy', 'updated', image);
  }

  private image(rules: readonly Rule[]): Image {
    const numbered = rules.map((rule, i) => ({ ...rule, id: uuid(0x91, i), qos_policy_id: this.id }));
    return { id: this.id, name: 'gold', project_id: '', revision_number: this.revision, rules: numbered };
  }
}

/** Answers each connection when so many bytes have come. */
const sink = `
const size = Number(process.argv[2]);
require('node:net').createServer(s => {
  let n = 0;
  s.on('data', d => { n += d.length; if (n >= size) s.end('all'); }).on('error', () => {});
}).listen(Number(process.argv[1]), '::', () => console.log('listening'));
`;
const source = `
const began = performance.now();
const s = require('node:net').connect(Number(process.argv[2]), process.argv[1], () => s.write(Buffer.alloc(Number(process.argv[3]))));
s.on('data', () => { console.log(performance.now() - began); process.exit(0); }).on('error', e => { console.error(e.message); process.exit(1); });
`;

const PORT = 7000;
const SIZE = 750_000;

/** Takes what is sent, and prints when it listens; and sends it, and prints the milliseconds that it took. */
export const sinkArgv = node(sink, PORT, SIZE);
export const sourceArgv = (address: string): string[] => node(source, address, PORT, SIZE);

/** Each instance takes what the others send. */
export async function listen(world: BridgeWorld, ...instances: readonly Instance[]): Promise<void> {
  for (const vm of instances) {
    const job = world.spawn(vm, sinkArgv);
    await world.until(`a sink in ${vm.ns}`, async () => job.output().includes('listening'));
  }
}

/** Milliseconds that the same amount of bytes takes by TCP. */
export async function transfer(world: BridgeWorld, from: Instance, to: Instance): Promise<number> {
  return Number(await world.inside(from, ...sourceArgv(to.port.ips[0] ?? '')));
}

/** In steps: a switch in user space loses packets that come all at once. Prints the seconds that it took. */
const burst = `
const socket = require('node:dgram').createSocket('udp4');
const began = performance.now();
let left = Number(process.argv[3]);
const timer = setInterval(() => {
  for (let i = 0; i < 80 && left > 0; i++, left--) socket.send('x', Number(process.argv[2]), process.argv[1]);
  if (left > 0) return;
  clearInterval(timer);
  console.log((performance.now() - began) / 1000);
  setTimeout(() => process.exit(0), 50);
}, 20);
`;

const BURST = 6000;

export interface Arrived {
  readonly packets: number;
  /** That it took to send them. */
  readonly seconds: number;
}

/** Of a burst of packets, how many arrive: as the device counts them, for a socket drops what its program is too slow for. */
export async function arrivals(world: BridgeWorld, from: Instance, to: Instance): Promise<Arrived> {
  const count = async (): Promise<number> => {
    const [link] = JSON.parse(await world.inside(to, 'ip', '-s', '-j', 'link', 'show', 'eth0')) as [
      { stats64: { rx: { packets: number } } },
    ];
    return link.stats64.rx.packets;
  };
  const before = await count();
  const seconds = Number(await world.inside(from, ...node(burst, to.port.ips[0] ?? '', 7001, BURST)));
  for (let last = -1; ; ) {
    const now = await count();
    if (now === last) return { packets: now - before, seconds };
    last = now;
    await new Promise(resolve => setTimeout(resolve, 300));
  }
}

/** What a limit of a thousand packets a second lets through in that time, with a second's worth at once, and some that are not of the burst. */
export const atThousand = ({ seconds }: Arrived): number => 1200 * (seconds + 1);

/** Prints family, source port and DSCP of each UDP packet that comes to the port. */
const watcher = `
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('eth0', 0))
print('listening', flush=True)
while True:
    f = s.recv(65535)
    kind = struct.unpack('!H', f[12:14])[0]
    if kind == 0x0800 and f[23] == 17:
        udp, tos = f[14 + (f[14] & 15) * 4:], f[15]
    elif kind == 0x86dd and f[20] == 17:
        udp, tos = f[54:], (struct.unpack('!H', f[14:16])[0] >> 4) & 255
    else:
        continue
    if struct.unpack('!H', udp[2:4])[0] == 7002:
        print('v4' if kind == 0x0800 else 'v6', struct.unpack('!H', udp[:2])[0], tos >> 2, tos & 3, flush=True)
`;
const speak = `
const [, address, from] = process.argv;
const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
socket.bind(Number(from), () => socket.send('x', 7002, address, () => socket.close()));
`;

export class DscpWatch {
  private readonly world: BridgeWorld;
  private readonly to: Instance;
  private readonly job: Job;
  private next = 10_000;

  private constructor(world: BridgeWorld, to: Instance, job: Job) {
    this.world = world;
    this.to = to;
    this.job = job;
  }

  static async open(world: BridgeWorld, to: Instance): Promise<DscpWatch> {
    const job = world.spawn(to, ['python3', '-c', watcher]);
    await world.until('it listens', async () => job.output().includes('listening'));
    return new DscpWatch(world, to, job);
  }

  /** The DSCP of a packet of each family, as it arrives. */
  async of(from: Instance): Promise<readonly number[]> {
    const marks: number[] = [];
    for (const [i, family] of ['v4', 'v6'].entries()) {
      const port = this.next++;
      const seen = (): RegExpExecArray | null => new RegExp(`^${family} ${port} (\\d+) 0$`, 'm').exec(this.job.output());
      await this.world.until(`a packet of ${family} from ${from.ns}`, async () => {
        await this.world.inside(from, ...node(speak, this.to.port.ips[i] ?? '', port));
        return seen() !== null;
      });
      marks.push(Number(seen()?.[1]));
    }
    return marks;
  }
}

/** How long a transfer takes, from the one to the other and back, in ms. */
export async function bothWays(world: BridgeWorld, one: Instance, other: Instance): Promise<{ readonly out: number; readonly in: number }> {
  return { out: await transfer(world, one, other), in: await transfer(world, other, one) };
}

interface Limited {
  readonly limited: Instance;
  /** On the same host, without a limit. */
  readonly near: Instance;
  readonly far: Instance;
}

/** Both directions take longer than they did while they were `free`, from a neighbour too, and than a neighbour's without a limit. */
export async function assertLimited(
  world: BridgeWorld,
  { limited, near, far }: Limited,
  free: { readonly out: number; readonly in: number },
): Promise<void> {
  const slow = { ...(await bothWays(world, limited, far)), near: await transfer(world, near, limited) };
  const other = await bothWays(world, near, far);
  for (const [ms, than] of [
    [slow.out, free.out],
    [slow.in, free.in],
    [slow.near, free.in],
    [slow.out, other.out],
    [slow.in, other.in],
  ] as const)
    assert.ok(ms > 4 * than, `${JSON.stringify({ free, slow, other })} ms`);
}
