// Networks of several segments. One with a single segment shows it as provider attributes.
import { absent, type Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export interface ProviderSegment {
  readonly 'provider:network_type'?: string;
  readonly 'provider:physical_network'?: string;
  readonly 'provider:segmentation_id'?: number;
}

export const multiProvider = {
  alias: 'multi-provider',
  name: 'Multi Provider Network',
  description: 'Several segments of a network',
  updated: '2013-06-27T10:00:00-00:00',
  adds: {
    network: {
      segments: {
        type: t.list(
          t.dict<ProviderSegment>({
            'provider:network_type': { type: t.str(32) },
            'provider:physical_network': { type: t.opt(t.str(64)) },
            'provider:segmentation_id': { type: t.opt(t.int()) },
          }),
        ),
        column: false,
        post: true,
        put: true,
        default: absent,
        policed: true,
      },
    },
  },
} as const satisfies Extension;
