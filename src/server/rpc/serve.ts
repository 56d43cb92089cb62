// The topics that agents call, and the endpoints on each in Neutron's order of dispatch.
import type { Bus } from '../../contracts/bus.ts';
import { type Services, timestamp } from '../context.ts';
import type { Message } from '../relay/messages.ts';
import { agentState } from './agent-state.ts';
import { devices } from './devices.ts';
import { dhcp } from './dhcp.ts';
import { dvr } from './dvr.ts';
import { l3 } from './l3.ts';
import { loggingAgents } from './logging.ts';
import { metadata } from './metadata.ts';
import { meteringAgents } from './metering.ts';
import { objects } from './resources.ts';
import { securityGroupInfo } from './security-groups.ts';
import { trunkAgents } from './trunks.ts';

/** Heartbeats alone, so that they do not wait behind what takes longer. */
export function serveReports(services: Services, bus: Bus, server: string): Promise<AsyncDisposable> {
  return bus.serve({ topic: 'q-reports-plugin', server, endpoints: [agentState(services, timestamp(services.clock), teller(bus))] });
}

const teller =
  (bus: Bus) =>
  ({ target, method, args }: Message): Promise<void> =>
    bus.cast(target, method, args);

/** Serves agents until disposed. `server` is the `host` option of this process; `others` are buses with agents of their own. */
export async function serveAgents(services: Services, bus: Bus, server: string, others: readonly Bus[] = []): Promise<AsyncDisposable> {
  const tell = teller(bus);
  const tellAll = async (message: Message): Promise<void> => {
    await tell(message);
    for (const other of others)
      teller(other)(message).catch(error =>
        services.log.warning('agents of another bus were not told', { method: message.method, error: String(error) }),
      );
  };
  const state = agentState(services, timestamp(services.clock), tell);
  const stack = new AsyncDisposableStack();
  stack.use(
    await bus.serve({
      topic: 'q-plugin',
      server,
      endpoints: [
        devices(services, tellAll),
        securityGroupInfo(services),
        dvr(services),
        dhcp(services),
        state,
        metadata(services),
        objects(services),
      ],
    }),
  );
  stack.use(await bus.serve({ topic: 'q-reports-plugin', server, endpoints: [state] }));
  stack.use(await bus.serve({ topic: 'q-l3-plugin', server, endpoints: [l3(services)] }));
  stack.use(await bus.serve({ topic: 'q-metering-plugin', server, endpoints: [meteringAgents(services)] }));
  stack.use(await bus.serve({ topic: 'logging-plugin', server, endpoints: [loggingAgents(services)] }));
  stack.use(await bus.serve({ topic: 'trunk', server, endpoints: [trunkAgents(services)] }));
  return stack;
}
