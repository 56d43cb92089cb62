// The Linux bridges through which this host's ports speak, whoever made them, as their packet filters see them.

export interface BridgedTap {
  readonly name: string;
  readonly bridge: string;
  /** What the port is called in the agent's view. */
  readonly device: string;
}

export interface BridgedBridge {
  readonly name: string;
  /** The port of the bridge by which everybody else's frames come. */
  readonly uplink?: { readonly name: string; readonly kind: 'physical' | 'vlan' | 'vxlan' | 'veth' };
}

/** Both by name. */
export interface Bridged {
  readonly taps: ReadonlyMap<string, BridgedTap>;
  readonly bridges: ReadonlyMap<string, BridgedBridge>;
}
