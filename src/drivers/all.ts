// The drivers in the tree.
import type { Drivers } from '../contracts/drivers.ts';
import { linuxbridge } from './mech/linuxbridge.ts';
import { openvswitch } from './mech/openvswitch.ts';
import { typeDrivers } from './type/types.ts';

export const drivers: Drivers = { types: typeDrivers, mechanisms: [openvswitch, linuxbridge] };
