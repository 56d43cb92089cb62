// Whether Placement knows what an agent's host has.
import type { Extension } from '../kit/resource.ts';
import { t } from '../kit/types.ts';

export const agentResourcesSynced = {
  alias: 'agent-resources-synced',
  name: "Agent's Resource View Synced to Placement",
  description: 'Whether Placement knows the resources of an agent; null: nobody has tried',
  updated: '2018-12-19T00:00:00-00:00',
  adds: { agent: { resources_synced: { type: t.opt(t.bool), default: null } } },
} as const satisfies Extension;
