// The network types: four facts each. What they share is written in the segment commands.

export interface TypeDriver {
  readonly type: string;
  /** Bytes of encapsulation between the underlay's IP header and the tenant's frame payload; 0 for types that are not tunnels. */
  readonly overhead: number;
  /** Smallest and largest segmentation id; undefined for types without one. */
  readonly bounds?: readonly [number, number];
  readonly onPhysnet: boolean;
  readonly tunnel: boolean;
}

export const local: TypeDriver = { type: 'local', overhead: 0, onPhysnet: false, tunnel: false };
export const flat: TypeDriver = { type: 'flat', overhead: 0, onPhysnet: true, tunnel: false };
export const vlan: TypeDriver = { type: 'vlan', overhead: 0, bounds: [1, 4094], onPhysnet: true, tunnel: false };
/** 30 = outer UDP 8 + VXLAN 8 + inner Ethernet 14. */
export const vxlan: TypeDriver = { type: 'vxlan', overhead: 30, bounds: [1, 16_777_215], onPhysnet: false, tunnel: true };

export const typeDrivers: Readonly<Record<string, TypeDriver>> = { local, flat, vlan, vxlan };
