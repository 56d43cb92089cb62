// A veth leaves UDP checksums to hardware that is not there. A guest that reads raw frames then drops DHCP answers as damaged,
// so the kernel is told to fill them in.
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';

const CHAIN = 'neutron-dhcp-age-POSTROUTING';
/** Where clients of each family listen. */
const CLIENT_PORT = { 4: 68, 6: 546 } as const;

/** One rule per family in the mangle table; where the kernel lacks the target, checksum offload is turned off for the device. */
export async function fillChecksums(host: Host, netns: string, device: string): Promise<void> {
  try {
    await Promise.all(([4, 6] as const).map(family => fill(host, netns, family)));
  } catch (error) {
    if (!(error instanceof HostRefusal)) throw error;
    const off = await host.processes.run(netns, ['ethtool', '-K', device, 'tx', 'off']);
    if (off.code !== 0) throw new HostRefusal('ethtool', `${off.stderr.trim()} (after ${error.message})`);
  }
}

async function fill(host: Host, netns: string, family: 4 | 6): Promise<void> {
  const rule = `-A ${CHAIN} -p udp -m udp --dport ${CLIENT_PORT[family]} -j CHECKSUM --checksum-fill`;
  if ((await host.iptables.save(netns, family, 'mangle')).includes(rule)) return;
  const lines = ['*mangle', `:${CHAIN} - [0:0]`, `-A POSTROUTING -j ${CHAIN}`, rule, 'COMMIT', ''];
  await host.iptables.restore(netns, family, lines.join('\n'));
}
