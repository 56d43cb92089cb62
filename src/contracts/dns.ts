// An external DNS as the server uses it: changes of the records of one zone, all or none. Names have their final dot.

export interface DnsRecord {
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'PTR';
  /** An address, or a name. */
  readonly data: string;
}

export interface DnsChange {
  readonly zone: string;
  /** Names that must have no addresses yet: what somebody else has put there stays his. */
  readonly absent?: readonly string[];
  /** Records that must be the only addresses of their names: what is left of a try whose answer was lost. */
  readonly only?: readonly DnsRecord[];
  /** A record that is there already may be added again, one that is gone removed. */
  readonly add?: readonly DnsRecord[];
  readonly remove?: readonly DnsRecord[];
}

export interface ExternalDns {
  /** Throws `DnsUnavailable` or `DnsRefused`; anything else is an error of ours. */
  change(change: DnsChange): Promise<void>;
}

/** Nobody answered, or not now: the change is to be tried again. */
export class DnsUnavailable extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'DnsUnavailable';
  }
}

/** The server answered no: trying again would not help. */
export class DnsRefused extends Error {
  /** As RFC 1035 and 2136 name them: `NOTZONE`, `YXRRSET`. */
  readonly code: string;

  constructor(code: string, zone: string) {
    super(`the DNS server answered ${code} for the zone ${zone}`);
    this.name = 'DnsRefused';
    this.code = code;
  }
}
