// What an audit finds: something that nobody wants (orphan), something that is wanted and not there (gap), or something that is not as it
// should be (drift).

export interface Finding {
  readonly kind: 'orphan' | 'gap' | 'drift';
  /** A host's name, or `database`. */
  readonly where: string;
  /** A phrase for a person. */
  readonly what: string;
  readonly ids: readonly string[];
  /** What a repair does, as data; undefined: nothing that could be done here. */
  readonly fix?: HostFix;
  /** The same as a phrase. */
  readonly repair?: string;
}

/** What an audit may do about a host. */
export type HostFix =
  | OnHost
  /** An agent compares what it has with what the server says. */
  | { readonly do: 'resync'; readonly agent: 'DHCP agent' | 'L3 agent' };

/** On the host itself. */
export type OnHost =
  /** With the processes in it. */
  | { readonly do: 'remove namespace'; readonly namespace: string }
  /** `first`: its uplinks, of which nobody would know without it. */
  | { readonly do: 'remove link'; readonly name: string; readonly first?: readonly string[] }
  /** Another program's: it leaves its bridge, and is there still. */
  | { readonly do: 'unplug'; readonly name: string };

export const fixWords = (fix: HostFix): string => {
  switch (fix.do) {
    case 'remove namespace':
      return `removes the namespace ${fix.namespace} and ends what runs in it`;
    case 'remove link':
      return `removes ${[fix.name, ...(fix.first ?? [])].join(' and ')}`;
    case 'unplug':
      return `takes ${fix.name} out of its bridge`;
    case 'resync':
      return `has the ${fix.agent} of the host compare everything with the server`;
  }
};

/** What of a finding a person has read. */
export type Shown = Pick<Finding, 'kind' | 'where' | 'what' | 'repair'>;

/** Two findings are the same one, seen at two times. */
export const findingKey = ({ kind, where, what }: Shown): string => `${kind} ${where} ${what}`;

/** And would be repaired in the same way. */
export const repairKey = (finding: Shown): string => `${findingKey(finding)} ${finding.repair ?? ''}`;
