// What the creates of ports will read, as far as their bodies tell: asked for in one statement. Each query is the one that is asked
// where it is needed, or it would be asked there again.
import type { Query } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { RequestedIp } from '../../domain/ipam/addresses.ts';
import type { RequestContext } from '../context.ts';
import { seenQuery } from '../find.ts';
import { subnetsQuery } from './addresses.ts';
import { defaultGroupQuery } from './default-group.ts';
import { idsQuery } from './load.ts';
import { admittedQueries } from './on-network.ts';
import { dhcpBindingsQuery } from './scheduling.ts';
import { segmentsQuery } from './segments.ts';
import { subnets } from './subnets.ts';

export function foreseePorts(ctx: RequestContext, inputs: readonly Attributes[]): readonly Query[] {
  const ids = [...new Set(inputs.map(i => String(i.network_id)))];
  return [...admittedQueries(ctx, ids), ...ids.flatMap(ofNetwork), ...inputs.flatMap(input => ofPort(ctx, input))];
}

const ofNetwork = (id: string): Query[] => [idsQuery('networks', [id]), subnetsQuery(id), dhcpBindingsQuery(id)];

function ofPort(ctx: RequestContext, input: Attributes): Query[] {
  const queries = groupsOf(input);
  const named = ((input.fixed_ips ?? []) as readonly RequestedIp[]).flatMap(f => f.subnet_id ?? []);
  if (named.length > 0) queries.push(seenQuery(ctx, subnets, named));
  const host = input['binding:host_id'];
  if (typeof host === 'string' && host !== '')
    queries.push({ table: 'agents', where: { eq: ['host', host] } }, segmentsQuery(String(input.network_id)));
  return queries;
}

function groupsOf({ security_groups, project_id }: Attributes): Query[] {
  const given = security_groups as readonly string[] | undefined;
  if (given !== undefined) return given.length > 0 ? [idsQuery('security_groups', [...new Set(given)])] : [];
  return typeof project_id === 'string' && project_id !== '' ? [defaultGroupQuery(project_id)] : [];
}
