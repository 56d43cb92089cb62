// Errors of trunks and their subports.
import type { P } from './row.ts';

export const trunkErrors = {
  TrunkNotFound: { status: 404, text: (p: P<'trunk_id'>) => `Trunk ${p.trunk_id} could not be found.` },
  TrunkInUse: { status: 409, text: (p: P<'trunk_id'>) => `Trunk ${p.trunk_id} is currently in use.` },
  TrunkDisabled: { status: 409, text: (p: P<'trunk_id'>) => `Trunk ${p.trunk_id} is currently disabled.` },
  TrunkInErrorState: {
    status: 409,
    text: (p: P<'trunk_id'>) => `Trunk ${p.trunk_id} is in error state. Attempt to resolve the error condition before proceeding.`,
  },
  ParentPortInUse: {
    status: 409,
    text: (p: P<'port_id'>) => `Port ${p.port_id} is currently in use and is not eligible for use as a parent port.`,
  },
  TrunkPortInUse: { status: 409, text: (p: P<'port_id'>) => `Port ${p.port_id} is in use by another trunk.` },
  PortInUseAsTrunkParent: {
    status: 409,
    text: (p: P<'port_id' | 'trunk_id'>) => `Port ${p.port_id} is currently a parent port for trunk ${p.trunk_id}.`,
  },
  PortInUseAsSubPort: {
    status: 409,
    text: (p: P<'port_id' | 'trunk_id'>) => `Port ${p.port_id} is currently a subport for trunk ${p.trunk_id}.`,
  },
  DuplicateSubPort: {
    status: 409,
    text: (p: P<'segmentation_type' | 'segmentation_id' | 'trunk_id'>) =>
      `segmentation_type ${p.segmentation_type} and segmentation_id ${p.segmentation_id} already in use on trunk ${p.trunk_id}.`,
  },
  SubPortNotFound: {
    status: 404,
    text: (p: P<'port_id' | 'trunk_id'>) => `SubPort ${p.port_id} on trunk ${p.trunk_id} could not be found.`,
  },
  SubPortMtuGreaterThanTrunkPortMtu: {
    status: 409,
    text: (p: P<'port_mtu' | 'port_id' | 'trunk_mtu' | 'trunk_id'>) =>
      `MTU ${p.port_mtu} of subport ${p.port_id} cannot be greater than MTU ${p.trunk_mtu} of trunk ${p.trunk_id}.`,
  },
} as const;
