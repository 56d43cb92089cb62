// The doors to packet filters: iptables, nftables, ipset, conntrack. Text in the tools' own restore formats, made by pure renderers.
import type { Netns } from './netns.ts';

/** The words of the tool when it refused, with the line it names if any. */
export class HostRefusal extends Error {
  readonly line: number | undefined;
  constructor(tool: string, reason: string, line?: number) {
    super(`${tool}: ${reason}`);
    this.name = 'HostRefusal';
    this.line = line;
  }
}

export interface Iptables {
  /** `iptables-save`/`ip6tables-save` of one table, or of all. */
  save(ns: Netns, family: 4 | 6, table?: string): Promise<string>;
  /**
   * One atomic `iptables-restore --noflush` per table in the text; throws HostRefusal. The tables before the refused one are taken.
   * For a jump to no chain, nft-backed tools name the line of COMMIT.
   */
  restore(ns: Netns, family: 4 | 6, text: string): Promise<void>;
}

export interface Nft {
  /** One transaction; throws HostRefusal and changes nothing when any statement is refused. */
  apply(ns: Netns, script: string): Promise<void>;
  /** `nft list table`: text, or undefined where there is no such table. */
  listTable(ns: Netns, family: 'bridge' | 'ip' | 'ip6' | 'inet' | 'netdev' | 'arp', table: string): Promise<string | undefined>;
}

export interface IpSets {
  /** Set name → type, family and members. */
  list(ns: Netns): Promise<ReadonlyMap<string, { readonly type: string; readonly family: 4 | 6; readonly members: readonly string[] }>>;
  /** `ipset restore -exist`; throws HostRefusal. The lines before the refused one are taken, but for additions to one set right before it. */
  restore(ns: Netns, text: string): Promise<void>;
}

export interface FlowFilter {
  readonly zone?: number;
  readonly family: 4 | 6;
  readonly protocol?: string;
  readonly src?: string;
  readonly dst?: string;
  readonly srcPort?: number;
  readonly dstPort?: number;
  /** Address after reply-direction translation, as `--reply-src`. */
  readonly replySrc?: string;
  /** Whom answers are sent to: the source as translated, as `--reply-dst`. */
  readonly replyDst?: string;
}

/** One tracked connection, original direction. */
export interface Flow extends FlowFilter {
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

export interface Conntrack {
  /** Deletes what matches any filter; answers how many. A filter without a zone means every zone. */
  flush(ns: Netns, filters: readonly FlowFilter[]): Promise<number>;
  list(ns: Netns, family: 4 | 6, zone?: number): Promise<readonly Flow[]>;
}
