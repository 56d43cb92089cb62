// The network of a project's highly available routers. It is nobody's, so that no instance joins in what their agents say to each other.
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject } from './commands.ts';

/** The server makes them by itself; who wants another than that must be an administrator. */
export function admitHa(ctx: RequestContext, inputs: readonly Attributes[]): readonly ApiObject[] {
  if (!ctx.isAdmin && inputs.some(i => i.ha === true)) throw apiError('PolicyNotAuthorized', { rule: 'rule:create_network:ha' });
  return inputs.map(() => ({}));
}

/** Of two at once one is told of the other. */
export async function becomeHaNetwork(ctx: RequestContext, draft: Draft, project_id: string, network_id: string): Promise<void> {
  const key = `ha_network/${project_id}`;
  if (draft.taken.has(key) || (await ctx.store.get('ha_networks', { project_id }))) throw apiError('DuplicatedHANetwork', { project_id });
  draft.taken.add(key);
  draft.insert('ha_networks', { project_id, network_id });
}
