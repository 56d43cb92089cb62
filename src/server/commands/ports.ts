// Ports. Their addresses, groups, binding and status are decided in the files beside this one.
import type { Row } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { port } from '../../model/port.ts';
import type { RequestContext } from '../context.ts';
import { assignmentDomains } from '../dns/domains.ts';
import type { Draft } from '../draft.ts';
import type { Commands, Created } from './commands.ts';
import { admitOnNetworks, networkTargets } from './on-network.ts';
import { createPort } from './port-create.ts';
import { portFilters } from './port-filters.ts';
import { foreseePorts } from './port-foresight.ts';
import { namerOf } from './port-names.ts';
import { networkFor, requireSubnets } from './port-network.ts';
import { refuseForeignRouter, refuseServicePort } from './port-owners.ts';
import { partQueries, removePortRows } from './port-rows.ts';
import { updatePort } from './port-update.ts';
import { portSources, presentPort, presentPorts, shownQueries, steadyPorts } from './port-view.ts';
import { usePolicy } from './qos-use.ts';
import { portQos } from './qos-view.ts';

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const net = await networkFor(ctx, draft, input);
  await requireSubnets(ctx, String(net.id), input.fixed_ips);
  await refuseForeignRouter(ctx, input);
  await usePolicy(ctx, draft, input.qos_policy_id);
  const { row, parts, tags } = await createPort(ctx, draft, net, { ...input, dns_named_by: namerOf(ctx.caller) });
  const qos = await portQos(ctx, [row], parts.bindings, new Map([[String(net.id), (net.qos_policy_id ?? null) as string | null]]));
  return {
    id: String(row.id),
    shown: presentPort(row, { parts, tags, qos: qos(row), dnsDomain: (await assignmentDomains(ctx, [row]))(row) }),
  };
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  await refuseServicePort(ctx, row);
  await removePortRows(ctx, draft, [row]);
}

export const ports: Commands = {
  resource: port,
  present: presentPorts,
  steady: steadyPorts,
  derived: [],
  sources: portSources,
  targets: networkTargets,
  filters: portFilters,
  admit: (ctx, inputs) => admitOnNetworks(ctx, 'port', inputs),
  foresee: foreseePorts,
  foreseeUpdate: (_ctx, id) => partQueries([id]),
  foreseeShown: shownQueries,
  create,
  update: updatePort,
  delete: remove,
};
