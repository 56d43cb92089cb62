// Address pairs that a port may use as a source besides its own.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export interface AddressPair {
  readonly ip_address: string;
  readonly mac_address: string;
}

export const allowedAddressPairs = {
  alias: 'allowed-address-pairs',
  name: 'Allowed Address Pairs',
  description: 'Further addresses that a port may send from',
  updated: '2013-07-23T10:00:00-00:00',
  adds: {
    port: {
      allowed_address_pairs: {
        type: t.special<readonly AddressPair[]>('allowed_address_pairs', 'json'),
        nullable: false,
        post: true,
        put: true,
        default: absent,
        policed: true,
      },
    },
  },
} as const satisfies Extension;
