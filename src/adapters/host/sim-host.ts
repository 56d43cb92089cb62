// A whole simulated host: one kernel's state behind all doors, so that what one changes the others see.

import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import type { Netns } from '../../contracts/host/netns.ts';
import { SimConntrack } from './conntrack/sim.ts';
import { SimDatapath } from './datapath/sim.ts';
import { SimFiles } from './files/sim.ts';
import { SimIpSets } from './ipsets/sim.ts';
import { SimIptables } from './iptables/sim.ts';
import { noNetns, SimLinks } from './links/sim.ts';
import { SimNft } from './nft/sim.ts';
import { SimOpenflow } from './openflow/sim.ts';
import { switchEvents } from './openflow/sim-mirror.ts';
import { SimOvsdb } from './ovsdb/sim.ts';
import { SimProcesses } from './processes/sim.ts';
import { SimQdiscs } from './qdiscs/sim.ts';

/** The doors, as their simulators: with `failNext`, and with what a test does from outside (`plug`, `kill`, `track`, …). */
export interface SimHost extends Host {
  readonly links: SimLinks;
  readonly ovsdb: SimOvsdb;
  readonly iptables: SimIptables;
  readonly nft: SimNft;
  readonly ipsets: SimIpSets;
  readonly conntrack: SimConntrack;
  readonly openflow: SimOpenflow;
  readonly datapath: SimDatapath;
  readonly processes: SimProcesses;
  readonly qdiscs: SimQdiscs;
  readonly files: SimFiles;
}

export function simHost(): SimHost {
  const links = new SimLinks();
  const open = (ns: Netns): void => {
    if (!links.nets.has(ns)) throw new HostRefusal('ip netns', noNetns(ns));
  };
  const files = new SimFiles(links.nets);
  const ipsets: SimIpSets = new SimIpSets({ open, inUse: (ns, set) => iptables.usesSet(ns, set) });
  const iptables = new SimIptables({ open, hasSet: (ns, name, family) => ipsets.has(ns, name, family) });
  const nft = new SimNft(open);
  const conntrack = new SimConntrack(open);
  links.onNamespaceGone(ns => {
    for (const door of [iptables, ipsets, nft, conntrack]) door.forget(ns);
  });
  const openflow = new SimOpenflow();
  return {
    links,
    iptables,
    nft,
    ipsets,
    conntrack,
    openflow,
    datapath: new SimDatapath(),
    ovsdb: new SimOvsdb(links, switchEvents(openflow)),
    processes: new SimProcesses(files, open),
    qdiscs: new SimQdiscs(links),
    files,
  };
}
