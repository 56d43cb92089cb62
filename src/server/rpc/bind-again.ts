// Ports whose binding failed, when their host asks about them: what kept them from being bound (an agent that had not reported yet) may be over.
import type { Row } from '../../contracts/store.ts';
import { pvlanOf } from '../../domain/pvlan.ts';
import { port } from '../../model/port.ts';
import { planBinding, writeBinding } from '../commands/binding.ts';
import { byIds } from '../commands/load.ts';
import { awaitAgents } from '../commands/port-blocks.ts';
import { profileOf } from '../commands/port-profile.ts';
import { factsOf, type PortParts, partsOf } from '../commands/port-rows.ts';
import { anyWithDhcp } from '../commands/port-update.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';

/** Answers whether any is bound now that was not. Where nothing can be done about it nothing is written, however often it is asked for. */
export async function bindAgain(services: Services, rows: readonly Row[], parts: PortParts, host: string): Promise<boolean> {
  let any = false;
  for (const row of rows) if (hasFailed(row, parts, host) && (await tried(services, String(row.id), host))) any = true;
  return any;
}

/** One that cannot be keeps nobody from hearing of the others. */
async function tried(services: Services, id: string, host: string): Promise<boolean> {
  try {
    return await bindOne(services, id, host);
  } catch (error) {
    services.log.warning('a port was not bound again', { id, host, error });
    return false;
  }
}

function hasFailed(row: Row, parts: PortParts, host: string): boolean {
  const binding = parts.bindings.get(String(row.id));
  return binding?.host === host && binding.vif_type === 'binding_failed';
}

async function bindOne(services: Services, id: string, host: string): Promise<boolean> {
  return commitDecision(services, {
    async decide(draft: Draft, now) {
      const row = (await byIds(now, 'ports', [id])).get(id);
      const parts = await partsOf(now, [id]);
      const binding = parts.bindings.get(id);
      if (!row || !binding || !hasFailed(row, parts, host)) return false;
      const request = {
        ...{ port_id: id, network_id: String(row.network_id), host, vnic_type: String(binding.vnic_type) },
        ...{ profile: profileOf(row, binding), pvlan_type: pvlanOf(row).pvlan_type },
      };
      if (!(await planBinding(now, request)).level) return false;
      const before = factsOf(row, parts);
      const { bound } = await writeBinding(now, draft, request);
      const withDhcp = await anyWithDhcp(now, before.fixed_ips);
      await awaitAgents(now, draft, { port_id: id, network_id: request.network_id, owner: String(row.device_owner), bound, withDhcp });
      draft.update(port, row, { status: 'DOWN' }, { facts: { before, changed: ['binding:vif_type'] } });
      return bound;
    },
  });
}
