// Names of what carries a trunk in Open vSwitch, as Neutron's agent gives them: the trunk's bridge, and the patches from there to the integration bridge.

const DEVICE_MAX = 15;

/** `tbr-` and the first ten characters of the trunk's id: what Nova is told to plug the parent into. */
export const trunkBridgeName = (trunkId: string): string => `tbr-${trunkId}`.slice(0, DEVICE_MAX - 1);

export const isTrunkBridge = (name: string): boolean => /^tbr-[0-9a-f]{8}-[0-9a-f]$/.test(name);

/** A patch's ends: on the integration bridge, and on the trunk's. */
export interface PatchNames {
  readonly int: string;
  readonly trunk: string;
}

const patchNames = (kind: 'tp' | 'sp', portId: string): PatchNames => ({
  int: `${kind}i-${portId}`.slice(0, DEVICE_MAX),
  trunk: `${kind}t-${portId}`.slice(0, DEVICE_MAX),
});

export const parentPatch = (portId: string): PatchNames => patchNames('tp', portId);
export const subPortPatch = (portId: string): PatchNames => patchNames('sp', portId);

/** An end on the trunk's bridge. */
export const isTrunkEnd = (name: string): boolean => /^[ts]pt-/.test(name);
export const isSubPortEnd = (name: string): boolean => name.startsWith('spt-');
/** An end on the integration bridge. */
export const isIntegrationEnd = (name: string): boolean => /^[ts]pi-/.test(name);
