// Conflicts that deciding again cannot cure: what the caller asked for by name is taken.
import type { CommitResult } from '../contracts/store.ts';
import { apiError } from '../domain/errors.ts';
import type { Attributes } from '../domain/input/body.ts';
import type { Resource } from '../model/kit/resource.ts';

type Failure = Exclude<CommitResult, { done: true }>;

/** Undefined: decide again; the next decision sees what was taken and says so itself, or takes something else. */
export function refusalOf(result: Failure, resource: Resource, input: Attributes): Error | undefined {
  if (result.why !== 'conflict') return undefined;
  if (result.table === 'ports' && input.mac_address !== undefined && resource.name === 'port') {
    return apiError('MacAddressInUse', { net_id: String(input.network_id ?? ''), mac: String(input.mac_address) });
  }
  return undefined;
}
