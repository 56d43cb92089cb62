// The L3 agent: routers in namespaces, as the server schedules them to this host. Legacy (centralised) routers only.
import type { AgentContext, AgentPart, L3Config } from '../context.ts';
import { Coalesced } from '../interface/coalesced.ts';
import type { InterfaceDriver } from '../interface/driver.ts';
import { openInterfaceDriver } from '../interface/open.ts';
import { startReporter } from '../report.ts';
import { Daemons } from './daemons.ts';
import { serveIntake } from './intake.ts';
import { Plugged } from './plugged.ts';
import type { Doors } from './realise.ts';
import { Routers } from './routers.ts';
import { haRouterCount } from './rpc.ts';
import { Statuses } from './statuses.ts';
import { Sync } from './sync.ts';

const NAME = 'l3';

/** Resolves when the agent serves its topics; its first pass over the routers is `synced`. Disposing it leaves the routers running. */
export async function startL3Agent(ctx: AgentContext): Promise<AgentPart> {
  const config = ctx.config.l3 ?? defaults;
  const stop = new AbortController();
  const { signal } = stop;
  await using stack = new AsyncDisposableStack();
  stack.defer(() => stop.abort());

  const driver = stack.use(openInterfaceDriver(ctx.host, config.interfaceDriver));
  const doors = await openDoors(ctx, driver);
  const daemons = new Daemons(ctx, signal);
  const routers = new Routers({
    ctx,
    signal,
    doors,
    daemons,
    statuses: new Statuses(ctx, signal),
    metadataPort: config.enableMetadataProxy ? config.metadataPort : undefined,
    onCreated: (id, devices) => plugged.expect(id, devices),
  });
  const plugged = new Plugged({ ctx, driver, routers, daemons });
  const sync = new Sync(ctx, signal, routers);

  stack.use(await serveIntake(ctx, { sync, routers }));
  plugged.start();
  stack.defer(() => plugged.stop());
  void tellHaRouters(ctx);
  stack.use(reporter(ctx, config, routers, sync));
  // What was sent while the bus was away is lost.
  stack.use(ctx.bus.onUp(up => up && sync.all()));
  sync.all();
  void sync.run();
  void daemons.watch();

  const running = stack.move();
  return { name: NAME, synced: sync.synced, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

const defaults: L3Config = { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser: true };

async function openDoors(ctx: AgentContext, driver: InterfaceDriver): Promise<Doors> {
  const { host } = ctx;
  const ipv6 = (await host.files.readSysctl('', 'net.ipv6.conf.all.forwarding')) !== undefined;
  if (!ipv6) ctx.log.warning('this kernel has no IPv6: routers forward IPv4 only');
  return {
    host,
    driver,
    namespaces: new Coalesced(() => host.links.namespaces()),
    families: ipv6 ? [4, 6] : [4],
    randomFully: await knowsRandomFully(ctx),
  };
}

/** `--random-fully` came with iptables 1.6.2. */
async function knowsRandomFully(ctx: AgentContext): Promise<boolean> {
  const answer = await ctx.host.processes.run('', ['iptables', '--version']).catch(() => undefined);
  const [, major = 0, minor = 0, patch = 0] = (/v(\d+)\.(\d+)\.(\d+)/.exec(answer?.stdout ?? '') ?? []).map(Number);
  return major > 1 || (major === 1 && (minor > 6 || (minor === 6 && patch >= 2)));
}

/** The first question of Neutron's agent. HA routers are left alone: saying so is all that is done about them. */
async function tellHaRouters(ctx: AgentContext): Promise<void> {
  try {
    const count = await haRouterCount(ctx.bus, ctx.config.host);
    if (count > 0) ctx.log.warning('HA routers are scheduled to this agent, which does not support them', { routers: count });
  } catch (error) {
    ctx.log.debug('the server did not say how many HA routers there are', { error: String(error) });
  }
}

function reporter(ctx: AgentContext, config: L3Config, routers: Routers, sync: Sync): AsyncDisposable {
  return startReporter(ctx, {
    agentType: 'L3 agent',
    binary: 'neutron-l3-agent',
    topic: 'l3_agent',
    configurations: () => ({
      agent_mode: 'legacy',
      handle_internal_only_routers: config.handleInternalOnlyRouters,
      interface_driver: config.interfaceDriver?.kind ?? 'linuxbridge',
      log_agent_heartbeats: ctx.config.logHeartbeats ?? false,
      extensions: ['port_forwarding', 'conntrack_helper'],
      ...routers.counts(),
    }),
    fields: { availability_zone: ctx.config.availabilityZone ?? 'nova' },
    onRevived: () => sync.all(),
  });
}
