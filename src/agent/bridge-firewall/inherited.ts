// What Neutron's own agent leaves on a host that ours takes over: chains of ebtables per tap, which nobody would change any more.
import type { Nft } from '../../contracts/host/firewall.ts';
import { hostNetns } from '../../contracts/host/netns.ts';

/** Of ebtables over nftables: its table `nat`, where others, too, may have chains. */
const chains = /^\s*chain (neutron(?:MAC|ARP)-[\w-]+) \{\n(?!\s*\})/gm;

/** Empties them; for when our own filter is in place. Their addresses are those of the day, and a later one would be denied. */
export async function emptyInherited(nft: Nft): Promise<void> {
  const listed = (await nft.listTable(hostNetns, 'bridge', 'nat')) ?? '';
  const script = [...listed.matchAll(chains)].map(([, name]) => `flush chain bridge nat ${name}\n`).join('');
  if (script !== '') await nft.apply(hostNetns, script);
}
