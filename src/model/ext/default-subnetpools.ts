// A pool that subnets come from when their request asks for the default one.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const defaultSubnetpools = {
  alias: 'default-subnetpools',
  name: 'Default Subnetpools',
  description: 'One pool of each IP version may be the default one',
  updated: '2016-02-18T18:00:00-00:00',
  adds: { subnet: { use_default_subnetpool: { type: t.bool, column: false, show: false, post: true, default: false } } },
} as const satisfies Extension;
