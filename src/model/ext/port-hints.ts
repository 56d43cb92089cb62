// What a port's backend may do better; administrators know it.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

const openvswitch = t.dict({ other_config: { type: t.dict({ 'tx-steering': { type: t.oneOf('thread', 'hash') } }) } });

export const portHints = {
  alias: 'port-hints',
  name: 'Port hints',
  description: 'Hints for the backend of a port',
  updated: '2023-01-01T00:00:00-00:00',
  adds: {
    port: { hints: { type: t.opt(t.dict({ openvswitch: { type: openvswitch } })), post: true, put: true, default: null, policed: true } },
  },
} as const satisfies Extension;

export const portHintOvsTxSteering = {
  alias: 'port-hint-ovs-tx-steering',
  name: 'Port hint: Open vSwitch Tx steering',
  description: 'How Open vSwitch spreads what a port sends over its queues',
  updated: '2023-01-01T00:00:00-00:00',
} as const satisfies Extension;
