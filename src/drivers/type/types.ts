// The network types: a few facts each. What they share is written in the segment commands.
import type { TypeDriver } from '../../contracts/drivers.ts';

export const local: TypeDriver = { type: 'local', overhead: 0, onPhysnet: false, tunnel: false };
export const flat: TypeDriver = { type: 'flat', overhead: 0, onPhysnet: true, tunnel: false };
export const vlan: TypeDriver = { type: 'vlan', overhead: 0, bounds: [1, 4094], onPhysnet: true, tunnel: false };
/** 30 = outer UDP 8 + VXLAN 8 + inner Ethernet 14. */
export const vxlan: TypeDriver = { type: 'vxlan', overhead: 30, bounds: [1, 16_777_215], onPhysnet: false, tunnel: true };

/** 22 = GRE with a key 8 + inner Ethernet 14. */
export const gre: TypeDriver = { type: 'gre', overhead: 22, bounds: [1, 4_294_967_295], onPhysnet: false, tunnel: true };
/** `max_header_size`: 30 = outer UDP 8 + Geneve without options 8 + inner Ethernet 14. */
export const geneve: TypeDriver = { type: 'geneve', overhead: 30, bounds: [1, 16_777_215], onPhysnet: false, tunnel: true };

export const typeDrivers: Readonly<Record<string, TypeDriver>> = { local, flat, vlan, vxlan, gre, geneve };
