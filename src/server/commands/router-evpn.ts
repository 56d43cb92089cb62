// The VNI of a router in an EVPN. Taking one is an insert with a unique key.
import { apiError } from '../../domain/errors.ts';
import { mostVni } from '../../model/ext/evpn.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';

const table = 'evpn_vnis';
const key = (vni: number): string => `evpn/${vni}`;

interface Asked {
  readonly evpn_vni?: number;
  readonly flavor_id?: string | null;
}

/** The one that a new router asks for, or of those that nobody has the first. Null: it asks for none. */
export async function takeVni(
  ctx: RequestContext,
  draft: Draft,
  router_id: string,
  { evpn_vni, flavor_id }: Asked,
): Promise<number | null> {
  if (evpn_vni === undefined) return null;
  if (flavor_id) throw apiError('EVPNRequiresOVN', { router_id });
  const vni = evpn_vni === 0 ? await firstFree(ctx, draft) : evpn_vni;
  if (draft.taken.has(key(vni)) || (await ctx.store.get(table, { vni }))) throw apiError('EVPNVNIInUse', { vni });
  draft.taken.add(key(vni));
  draft.insert(table, { vni, router_id });
  return vni;
}

const atOnce = 1000;

/** Whoever was overtaken looks further on, so that many at once do not all want the same. */
async function firstFree({ store, random }: Services, draft: Draft): Promise<number> {
  let skip = draft.attempt === 1 ? 0 : Math.floor(random() * 2 ** Math.min(draft.attempt, 10));
  let found: number | undefined;
  for (let from = 1; from <= mostVni; from += atOnce) {
    const to = Math.min(from + atOnce - 1, mostVni);
    const rows = await store.select({ table, where: { and: [{ gt: ['vni', from - 1] }, { lte: ['vni', to] }] } });
    const taken = new Set(rows.map(r => Number(r.vni)));
    for (let vni = from; vni <= to; vni++) {
      if (taken.has(vni) || draft.taken.has(key(vni))) continue;
      found = vni;
      if (skip-- === 0) return vni;
    }
  }
  if (found === undefined) throw apiError('EVPNNoVniAvailable', { min_vni: 1, max_vni: mostVni });
  return found;
}

export function giveVniBack(draft: Draft, router_id: string): void {
  draft.delete(table, { eq: ['router_id', router_id] });
}
