// Prefixes that L3 agents were given from outside, for subnets that wait for one.

import { RpcFailure } from '../../contracts/bus.ts';
import { ApiError } from '../../domain/errors.ts';
import { delegatePrefix } from '../commands/prefix-delegation.ts';
import type { Services } from '../context.ts';
import { commitDecision } from '../retry.ts';
import { type Args, record, text } from './arguments.ts';
import { type Dict, subnetDict } from './dicts.ts';

/** `subnets`: id to prefix. Each is a commit of its own; the first that is refused is told after all others are done. */
export async function prefixUpdate(services: Services, args: Args): Promise<Dict[]> {
  const prefixes = record(args.subnets, 'subnets') as Args;
  const refused: unknown[] = [];
  for (const id of Object.keys(prefixes)) {
    const prefix = text(prefixes, id);
    await commitDecision(services, { decide: (draft, reading) => delegatePrefix(reading, draft, id, prefix) }).catch((error: unknown) => {
      services.log.warning('a prefix from outside is refused', { subnet_id: id, prefix, error: String(error) });
      refused.push(error);
    });
  }
  const [first] = refused;
  if (first !== undefined) throw first instanceof ApiError ? new RpcFailure(first.type, first.message) : first;
  const rows = await services.store.select({ table: 'subnets', where: { in: ['id', Object.keys(prefixes)] } });
  return rows.map(subnetDict);
}
