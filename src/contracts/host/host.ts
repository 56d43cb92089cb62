// A host's doors together, as an agent gets them.
import type { Datapath } from './datapath.ts';
import type { Files } from './files.ts';
import type { Conntrack, IpSets, Iptables, Nft } from './firewall.ts';
import type { Links } from './links.ts';
import type { Openflow } from './openflow.ts';
import type { Ovsdb } from './ovsdb.ts';
import type { Processes } from './processes.ts';
import type { Qdiscs } from './qdiscs.ts';

export interface Host {
  readonly links: Links;
  readonly ovsdb: Ovsdb;
  readonly iptables: Iptables;
  readonly nft: Nft;
  readonly ipsets: IpSets;
  readonly conntrack: Conntrack;
  readonly openflow: Openflow;
  readonly datapath: Datapath;
  readonly processes: Processes;
  readonly qdiscs: Qdiscs;
  readonly files: Files;
}
