// Names that only Neutron's agents give, and ours: who finds them before us finds somebody else's.

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const linkNames = /^(tap[0-9a-f]{8}-[0-9a-f]{2}|brq[0-9a-f]{8}-[0-9a-f]{2}|vxlan-[0-9]{1,8})$/;
const namespaceNames = new RegExp(`^(qdhcp|qrouter)-${uuid}$`);

/** The bridge that is the public network on the machine's side. */
export const publicBridge = 'weft-public';
/** Two of us on one machine's network would take each other's things away. */
export const machineLock = '/run/weft-on-host.lock';
/** What the lock says of a reaper at work, which listens nowhere. */
export const reaperListen = 'nowhere: it cleans up';
/** State of our daemons: gone with the next boot of the machine, as they are. */
export const daemonState = '/run/weft';

export const isOurLink = (name: string): boolean => name === publicBridge || linkNames.test(name);
export const isOurNamespace = (name: string): boolean => namespaceNames.test(name);
export const isOurChain = (name: string): boolean => name.startsWith('neutron-');
export const isOurSet = (name: string): boolean => /^NIPv[46][0-9a-f-]+$/.test(name);
/** `bridge neutron-linuxbri`. */
export const isOurTable = (name: string): boolean => / neutron-/.test(name);
