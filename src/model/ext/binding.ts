// Port binding: where a port is plugged and how. Rows live in the bindings' own table, since a port may have several.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const vnicTypes = [
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
  'accelerator-direct-physical',
  'remote-managed',
] as const;

export const binding = {
  alias: 'binding',
  name: 'Port Binding',
  description: 'The host, VIF type and VIF details of a port',
  updated: '2014-02-03T10:00:00-00:00',
  adds: {
    port: {
      'binding:vif_type': { type: t.any<string>(), column: false, policed: true },
      'binding:vif_details': { type: t.any<Readonly<Record<string, unknown>>>(), column: false, policed: true },
      'binding:vnic_type': { type: t.oneOf(...vnicTypes), column: false, post: true, put: true, default: 'normal', policed: true },
      'binding:host_id': {
        type: t.opt(t.str(255)),
        column: false,
        post: true,
        put: true,
        default: absent,
        filter: true,
        policed: true,
      },
      'binding:profile': {
        type: t.special<Readonly<Record<string, unknown>>>('profile', 'json'),
        column: false,
        post: true,
        put: true,
        default: absent,
        policed: true,
      },
    },
  },
} as const satisfies Extension;
