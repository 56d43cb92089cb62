// Nova, where there is an account for it, as a reader of the outbox; where there is none, nothing is kept for it. And Placement.
import { systemClock } from '../adapters/clock/system-clock.ts';
import { openAggregates } from '../adapters/openstack/aggregates.ts';
import { openNova } from '../adapters/openstack/nova.ts';
import { openPlacement } from '../adapters/openstack/placement.ts';
import { Session } from '../adapters/openstack/session.ts';
import { type Allocations, CloudUnavailable } from '../contracts/cloud.ts';
import type { ServiceAccount } from '../contracts/service-account.ts';
import type { ServerConfig, Services } from '../server/context.ts';
import { NovaNotifier } from '../server/nova/notifier.ts';
import { takeBackOld } from '../server/placement/allocations.ts';
import { reportAll } from '../server/placement/reporter.ts';
import { runReports } from '../server/placement/reports.ts';
import { markAllSegments, markSegments } from '../server/placement/segment-marks.ts';
import { SegmentReports } from '../server/placement/segments.ts';
import { forgetUnused } from '../server/relay/catch-up.ts';
import { type RelayOptions, runRelay } from '../server/relay/relay.ts';

const readers = { nova: 'nova', segments: 'segments' };
const isAway = (error: unknown): boolean => error instanceof CloudUnavailable;

/** The reader that Nova has, if it has one. */
export function novaReader({ nova: { account, status, data } }: ServerConfig): string | undefined {
  return account.auth_url !== '' && (status || data) ? readers.nova : undefined;
}

type Own = Pick<RelayOptions, 'holder' | 'wakers'>;

/** `stop` ends the reading, `end` a request that is on its way then. */
export function tellNova(services: Services, own: Own, stop: AbortSignal, end: AbortSignal): Promise<void> {
  const reader = readers.nova;
  const { account, status, data, interval } = services.config.nova;
  if (!novaReader(services.config)) return forgetUnused(services, reader, own.holder, stop);
  const nova = openNova(new Session({ account, serviceType: 'compute', clock: services.clock, end }));
  const notifier = new NovaNotifier(services, nova, { status, data });
  const reading = {
    deliverAll: async (rows: Parameters<NovaNotifier['deliver']>[0]) => ((await notifier.deliver(rows)) ? interval * 1000 : 0),
    isAway,
    // Whoever waited when it was long away waits no more, and Nova looks by itself from time to time.
    all: async () => {},
  };
  return runRelay(services, { ...own, reader, ...reading }, stop);
}

/** For requests, which end with the stack. */
export function openAllocations({ placement: { account } }: ServerConfig, stack: AsyncDisposableStack): Allocations | undefined {
  if (account.auth_url === '') return undefined;
  const end = new AbortController();
  stack.defer(() => end.abort());
  return openPlacement(new Session({ account, serviceType: 'placement', clock: systemClock, end: end.signal }));
}

/** What hosts have, and what instances were given for nothing, where there is an account for it. */
export async function tellPlacement(services: Services, holder: string, stop: AbortSignal, end: AbortSignal): Promise<void> {
  const { account } = services.config.placement;
  if (account.auth_url === '') return;
  const placement = openPlacement(new Session({ account, serviceType: 'placement', clock: services.clock, end }));
  await Promise.all([
    runReports(services, { lease: 'placement', holder, signal: stop }, hold => reportAll(services, placement, hold)),
    runReports(services, { lease: 'allocations', holder, signal: stop }, hold => takeBackOld(services, placement, hold)),
  ]);
}

/** Segments as aggregates with their addresses, where Neutron's plug-in is loaded and may speak to both. */
export async function tellSegments(services: Services, own: Own, stop: AbortSignal, end: AbortSignal): Promise<void> {
  const reader = readers.segments;
  const { nova, placement, servicePlugins } = services.config;
  if (!servicePlugins.includes('segments') || nova.account.auth_url === '' || placement.account.auth_url === '')
    return forgetUnused(services, reader, own.holder, stop);
  const to = (account: ServiceAccount, serviceType: string): Session => new Session({ account, serviceType, clock: services.clock, end });
  const cloud = { placement: openPlacement(to(placement.account, 'placement')), nova: openAggregates(to(nova.account, 'compute')) };
  const reports = new SegmentReports(services, cloud);
  const reading = {
    deliverAll: async (rows: Parameters<typeof markSegments>[1]) => {
      await markSegments(services, rows);
      return 0;
    },
    all: () => markAllSegments(services),
  };
  await Promise.all([
    runRelay(services, { ...own, reader, ...reading }, stop),
    runReports(services, { lease: 'segments', holder: own.holder, signal: stop }, hold => reports.pass(hold)),
  ]);
}
