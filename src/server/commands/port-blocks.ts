// What a port waits for before it is ACTIVE, and that its network has a DHCP agent to wait for.
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { writeBlocks } from './binding.ts';
import { hasDhcpAgent } from './scheduling.ts';

export interface WaitingPort {
  readonly port_id: string;
  readonly network_id: string;
  readonly owner: string;
  readonly bound: boolean;
  /** Some address of it is on a subnet with DHCP. */
  readonly withDhcp: boolean;
}

export async function awaitAgents(services: Services, draft: Draft, port: WaitingPort): Promise<void> {
  const { port_id, network_id, owner, bound, withDhcp } = port;
  const dhcpServed = withDhcp && (await draft.once(`DHCP agent of ${network_id}`, () => hasDhcpAgent(services, draft, network_id)));
  writeBlocks(draft, { port_id, device_owner: owner, bound, dhcpSubnets: withDhcp ? 1 : 0, dhcpServed });
}
