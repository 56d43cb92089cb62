// The parent port of a trunk shows the trunk and its subports.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const trunkDetails = {
  alias: 'trunk-details',
  name: 'Trunk port details',
  description: 'A parent port shows its trunk',
  updated: '2016-01-01T10:00:00-00:00',
  adds: { port: { trunk_details: { type: t.any<unknown>(), column: false } } },
} as const satisfies Extension;
