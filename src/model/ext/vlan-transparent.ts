// Networks that carry their tenants' VLAN tags. Only where every mechanism can.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const vlanTransparent = {
  alias: 'vlan-transparent',
  name: 'Vlantransparent',
  description: 'Whether a network carries the VLAN tags of its instances',
  updated: '2015-03-23T09:00:00-00:00',
  adds: { network: { vlan_transparent: { type: t.bool, post: true, default: absent, filter: true } } },
} as const satisfies Extension;
