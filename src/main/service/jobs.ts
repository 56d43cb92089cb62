// The jobs that run as long as a server: what tells agents and others of what has changed, and what looks after the dead.
import { rfc2136Dns } from '../../adapters/dns-rfc2136/rfc2136-dns.ts';
import type { Bus } from '../../contracts/bus.ts';
import { DnsUnavailable } from '../../contracts/dns.ts';
import type { OutboxRow } from '../../contracts/store.ts';
import { traced } from '../../contracts/trace.ts';
import type { Services } from '../../server/context.ts';
import { publish, publishAll } from '../../server/dns/publisher.ts';
import { runDhcpFailover } from '../../server/jobs/failover.ts';
import { objectPushes } from '../../server/objects/push.ts';
import { agentMessages } from '../../server/relay/agents.ts';
import { readTogether } from '../../server/relay/batch.ts';
import { type Cast, Casts } from '../../server/relay/casts.ts';
import { forgetUnused } from '../../server/relay/catch-up.ts';
import { deliver, type Teller } from '../../server/relay/deliver.ts';
import { Known } from '../../server/relay/known.ts';
import { beginnings, type Message } from '../../server/relay/messages.ts';
import { type RelayOptions, runRelay } from '../../server/relay/relay.ts';
import { Together } from '../../server/relay/together.ts';
import type { Messaging } from '../messaging.ts';
import { notificationReader, runNotifications } from '../notifications.ts';
import { novaReader, tellNova, tellPlacement, tellSegments } from '../nova.ts';

const agentReader = 'agents';
const relayCastMs = 10_000;
const lastCastsMs = 500;

/** `holder`: whose leases these are. */
export type Reader = Pick<RelayOptions, 'holder' | 'wakers'>;

export interface Buses {
  /** Of the agents on this machine. */
  readonly local: Bus;
  readonly rabbit: Messaging | undefined;
}

/** They end with the stack. */
export async function startJobs(services: Services, { local, rabbit }: Buses, stack: AsyncDisposableStack, reader: Reader): Promise<void> {
  await makeKnown(services);
  const buses = rabbit ? [rabbit.bus, local] : [local];
  const stop = new AbortController();
  const end = new AbortController();
  const tellersOf = (given: Services): readonly Teller[] => {
    const known = new Known(given);
    return [row => agentMessages(given, row, known), row => objectPushes(given, row)];
  };
  const together = new Together();
  // A bus that is away is asked again and again by the relay, which stops when it is to.
  const castOn =
    (bus: Bus): Cast =>
    async ({ target, method, args }) => {
      const attributes = { 'messaging.destination.name': target.topic, 'messaging.operation.name': 'cast', 'rpc.method': method };
      await traced(services.tracer, `cast ${method}`, { kind: 'producer', attributes }, () =>
        bus.cast(target, method, args, { timeoutMs: relayCastMs }),
      );
    };
  const casts = new Casts(buses.map(castOn));
  const send = (message: Message): Promise<void> => {
    services.metrics?.count('weft_bus_casts_total', { method: message.method });
    return casts.send(message);
  };
  const sendLater = async (message: Message): Promise<void> => {
    if (!together.keep(message)) await send(message);
  };
  const tellAgents = {
    begin: (hold: () => Promise<void>) => {
      together.clear();
      casts.begin(hold);
    },
    deliver: (row: OutboxRow): Promise<void> => deliver(tellersOf(services), row, sendLater),
    async together(rows: readonly OutboxRow[]) {
      const tellers = tellersOf(await readTogether(services, rows));
      return (row: OutboxRow): Promise<void> => deliver(tellers, row, sendLater);
    },
    arrived: () => casts.arrived(),
    async end() {
      await together.send(send);
      await casts.arrived();
    },
  };
  const isHeard = (): boolean => buses.some(bus => bus.hears?.(beginnings) ?? true);
  const running = Promise.all([
    runRelay(services, { ...reader, reader: agentReader, ...tellAgents, isHeard }, stop.signal),
    ...(services.config.dhcpFailover ? [runDhcpFailover(services, stop.signal)] : []),
    ...publishing(services, reader, stop.signal),
    runNotifications(services, rabbit, { ...reader, signal: stop.signal }),
    tellNova(services, reader, stop.signal, end.signal),
    tellPlacement(services, reader.holder, stop.signal, end.signal),
    tellSegments(services, reader, stop.signal, end.signal),
  ]);
  stack.defer(async () => {
    stop.abort();
    // What is on its way to somebody who is away is not waited for: the next process sends it.
    const timer = setTimeout(() => {
      end.abort();
      void Promise.all(buses.map(bus => bus[Symbol.asyncDispose]()));
    }, lastCastsMs);
    await running;
    clearTimeout(timer);
  });
}

/**
 * What every reader that is known is done with is not kept, and one that first waits for its broker would be known too late. Others that may
 * be new look at everything.
 */
async function makeKnown({ store, config }: Services): Promise<void> {
  for (const reader of [agentReader, notificationReader(config), novaReader(config)]) if (reader) await store.outbox(reader, 1);
}

/** An external DNS, where one is configured; where none is any more, nothing is kept for it. */
function publishing(services: Services, reader: Reader, signal: AbortSignal): Promise<void>[] {
  const config = services.config.externalDns;
  if (config.driver === '') return [forgetUnused(services, 'external-dns', reader.holder, signal)];
  const { host, port, ttl, keyName, keyAlgorithm, keySecret } = config;
  const key = { name: keyName, algorithm: keyAlgorithm, secret: Buffer.from(keySecret, 'base64') };
  const publisher = { services, dns: rfc2136Dns({ host, port, ttl, key }, services.clock), zones: config };
  const isAway = (error: unknown): boolean => error instanceof DnsUnavailable;
  const reading = {
    deliver: (row: OutboxRow) => publish(publisher, row),
    all: (hold: () => Promise<void>) => publishAll(publisher, hold),
    isAway,
  };
  return [runRelay(services, { ...reader, reader: 'external-dns', ...reading }, signal)];
}
