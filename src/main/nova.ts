// Nova, where there is an account for it, as a reader of the outbox; where there is none, nothing is kept for it. And Placement.
import { openNova } from '../adapters/openstack/nova.ts';
import { openPlacement } from '../adapters/openstack/placement.ts';
import { Session } from '../adapters/openstack/session.ts';
import { CloudUnavailable } from '../contracts/cloud.ts';
import type { Services } from '../server/context.ts';
import { NovaNotifier } from '../server/nova/notifier.ts';
import { runPlacementReports } from '../server/placement/reporter.ts';
import { forgetUnused } from '../server/relay/catch-up.ts';
import { type RelayOptions, runRelay } from '../server/relay/relay.ts';

const reader = 'nova';

/** `stop` ends the reading, `end` a request that is on its way then. */
export function tellNova(
  services: Services,
  own: Pick<RelayOptions, 'holder' | 'wakers'>,
  stop: AbortSignal,
  end: AbortSignal,
): Promise<void> {
  const { account, status, data, interval } = services.config.nova;
  if (account.auth_url === '' || !(status || data)) return forgetUnused(services, reader, own.holder, stop);
  const nova = openNova(new Session({ account, serviceType: 'compute', clock: services.clock, end }));
  const notifier = new NovaNotifier(services, nova, { status, data });
  const reading = {
    deliverAll: async (rows: Parameters<NovaNotifier['deliver']>[0]) => ((await notifier.deliver(rows)) ? interval * 1000 : 0),
    isAway: (error: unknown): boolean => error instanceof CloudUnavailable,
    // Whoever waited when it was long away waits no more, and Nova looks by itself from time to time.
    all: async () => {},
  };
  return runRelay(services, { ...own, reader, ...reading }, stop);
}

/** What hosts have, where there is an account for it. */
export async function tellPlacement(services: Services, holder: string, stop: AbortSignal, end: AbortSignal): Promise<void> {
  const { account } = services.config.placement;
  if (account.auth_url === '') return;
  const placement = openPlacement(new Session({ account, serviceType: 'placement', clock: services.clock, end }));
  await runPlacementReports(services, placement, holder, stop);
}
