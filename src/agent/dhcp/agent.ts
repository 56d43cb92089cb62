// The DHCP agent: serves the networks that the server schedules to this host, and lets them run when it stops.
import type { AgentContext, AgentPart } from '../context.ts';
import { openInterfaceDriver } from '../interface/open.ts';
import { startReporter } from '../report.ts';
import { dhcpFolder } from './dnsmasq.ts';
import { dhcpEndpoint } from './intake.ts';
import { Networks } from './networks.ts';
import { ReadyPorts } from './ready.ts';
import { dhcpServer } from './server.ts';
import { startSyncer } from './sync.ts';

const TOPIC = 'dhcp_agent';
/** How long the first state report may keep the first synchronisation waiting: a server schedules networks to agents that it knows. */
const REPORT_WAIT_MS = 3000;
const CHECK_MS = 2000;
/** Every so many checks what is on the host is compared as a whole. */
const LOOK_EVERY = 150;

export async function startDhcpAgent(ctx: AgentContext): Promise<AgentPart> {
  const dhcp = ctx.config.dhcp;
  if (!dhcp) throw new Error('the DHCP agent has no configuration');
  const stop = new AbortController();
  const server = dhcpServer(ctx);
  const ready = new ReadyPorts(ctx, server);
  const driver = openInterfaceDriver(ctx.host, dhcp.interfaceDriver);
  const networks = new Networks(ctx, dhcp, server, ready, driver);
  const devices = driver.watch({ lost: key => networks.lost(key), changed: () => {} });
  let request = (): void => {};
  const reporter = startReporter(ctx, {
    agentType: 'DHCP agent',
    binary: 'neutron-dhcp-agent',
    topic: TOPIC,
    fields: { availability_zone: ctx.config.availabilityZone ?? 'nova' },
    configurations: () => ({
      dhcp_driver: 'neutron.agent.linux.dhcp.Dnsmasq',
      dhcp_lease_duration: dhcp.leaseSeconds,
      log_agent_heartbeats: ctx.config.logHeartbeats ?? false,
      ...networks.counts(),
    }),
    onRevived: () => request(),
  });
  // Served before the first synchronisation, so that nothing falls between.
  const listening = await ctx.bus.serve({
    topic: TOPIC,
    server: ctx.config.host,
    endpoints: [dhcpEndpoint({ push: (id, event, priority) => networks.push(id, event, priority), resync: () => request(), log: ctx.log })],
    agent: true,
  });
  const parts = { server, networks, files: ctx.host.files, dhcpFolder: dhcpFolder(ctx.config), log: ctx.log };
  const begin = Promise.race([reporter.reported, ctx.clock.sleep(REPORT_WAIT_MS, stop.signal)]);
  const syncer = startSyncer(parts, ctx.clock, ctx.random, begin);
  request = () => syncer.request();
  const connection = watchConnection(ctx, stop.signal, request);
  void supervise(ctx, networks, stop.signal);
  return {
    name: 'dhcp',
    synced: syncer.first,
    async [Symbol.asyncDispose]() {
      stop.abort();
      connection[Symbol.dispose]();
      syncer[Symbol.dispose]();
      ready[Symbol.dispose]();
      await listening[Symbol.asyncDispose]();
      await reporter[Symbol.asyncDispose]();
      await networks.close();
      await devices[Symbol.asyncDispose]();
      await driver[Symbol.asyncDispose]();
    },
  };
}

/** Messages that were sent while the connection was gone are lost. All agents come back at once, so they ask at different times. */
function watchConnection(ctx: AgentContext, signal: AbortSignal, request: () => void): Disposable {
  let wasDown = false;
  return ctx.bus.onUp(up => {
    if (!up) wasDown = true;
    else if (wasDown) {
      wasDown = false;
      void ctx.clock.sleep(2000 * ctx.random(), signal).then(() => {
        if (!signal.aborted) request();
      });
    }
  });
}

async function supervise(ctx: AgentContext, networks: Networks, signal: AbortSignal): Promise<void> {
  for (let round = 1; !signal.aborted; round++) {
    await ctx.clock.sleep(CHECK_MS, signal);
    if (!signal.aborted) await networks.checkAll(round % LOOK_EVERY === 0);
  }
}
