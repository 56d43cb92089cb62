// Makes a running dnsmasq forget leases, so that their addresses can go to new owners. dnsmasq has no command for it: it is told by
// the packets with which a client gives up its lease, sent from inside the namespace.
import type { AgentContext } from '../context.ts';
import { type Lease, readLeaseFile } from '../desired/dhcp/leases.ts';
import { type ReleasePacket, releasePackets } from '../desired/dhcp/release-packets.ts';

export interface ReleaseJob {
  readonly netns: string;
  readonly device: string;
  readonly leaseFile: string;
  /** Our own addresses on the network. */
  readonly addresses: readonly string[];
  readonly leases: readonly Lease[];
}

/** Sends each packet of the JSON list in its first argument; the second is the device for multicast. */
const SENDER = `
const dgram = require('node:dgram');
const [list, device] = process.argv.slice(1);
for (const p of JSON.parse(list)) {
  const s = dgram.createSocket(p.family === 6 ? 'udp6' : 'udp4');
  s.on('error', e => { console.error(e.message); process.exitCode = 1; s.close(); });
  s.bind(0, () => {
    if (p.family === 6) s.setMulticastInterface('::%' + device);
    s.send(Buffer.from(p.hex, 'hex'), p.port, p.family === 6 ? p.to + '%' + device : p.to, () => s.close());
  });
}`;

const WAIT_MS = 2000;
/** What one command line holds: the kernel's limit for an argument is 128 KiB. */
const PER_RUN = 60;

/** Answers whether dnsmasq has forgotten all of them. */
export async function releaseLeases(ctx: Pick<AgentContext, 'host' | 'clock' | 'random'>, job: ReleaseJob): Promise<boolean> {
  const { files, processes } = ctx.host;
  const duid = readLeaseFile((await files.read(job.leaseFile)) ?? '').serverId;
  for (let at = 0; at < job.leases.length; at += PER_RUN) {
    const packets = job.leases
      .slice(at, at + PER_RUN)
      .flatMap((lease): readonly ReleasePacket[] =>
        releasePackets(lease, { addresses: job.addresses, duid }, Math.floor(ctx.random() * 2 ** 24)),
      );
    if (packets.length === 0) continue;
    const argv = [process.execPath, '-e', SENDER, JSON.stringify(packets), job.device];
    const sent = await processes.run(job.netns, argv, { timeoutMs: 10_000 }).catch(() => ({ code: -1 }));
    if (sent.code !== 0) return false;
  }
  const wanted = new Set(job.leases.map(l => l.address));
  for (const until = ctx.clock.now() + WAIT_MS; ; ) {
    const left = readLeaseFile((await files.read(job.leaseFile)) ?? '').leases.some(l => wanted.has(l.address));
    if (!left || ctx.clock.now() >= until) return !left;
    await ctx.clock.sleep(50);
  }
}
