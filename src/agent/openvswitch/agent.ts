// The Open vSwitch agent: an L2 agent whose switch is described in OVSDB and programmed by OpenFlow.

import { hostNetns } from '../../contracts/host/netns.ts';
import type { OvsdbSession, OvsPicture } from '../../contracts/host/ovsdb.ts';
import { canonicalIp } from '../../domain/net/ip.ts';
import type { AgentContext, AgentPart, OpenvswitchConfig, ResourceReport } from '../context.ts';
import { type L2Core, startL2Agent } from '../l2/agent.ts';
import { extensionsOf } from '../l2/extensions.ts';
import { qosPoliciesOf } from '../l2/qos-policies.ts';
import { Trunks } from '../l2/trunks/trunks.ts';
import type { View } from '../l2/view.ts';
import { Absence } from './absence.ts';
import type { BridgeOptions } from './bridges.ts';
import { freshPorts, shutFresh } from './fresh-ports.ts';
import { HostGuard } from './host-guard.ts';
import { OvsSwitch } from './ovs-switch.ts';
import { OvsPacketLog } from './packet-log.ts';
import { OvsQos } from './qos.ts';
import { OvsTrunkHost } from './trunk-host.ts';
import { TunnelEnds } from './tunnel-ends.ts';
import { vifsOf } from './vifs.ts';

const NOT_HERE = ['distributed routers'];

export async function startOpenvswitchAgent(ctx: AgentContext): Promise<AgentPart> {
  const config = ctx.config.openvswitch;
  if (!config) throw new Error('the Open vSwitch agent has no configuration');
  ctx.log.warning('this Open vSwitch agent is not whole', { not_here: NOT_HERE });
  const { connection, tls, timeoutMs } = config;
  const guard = new HostGuard(ctx);
  const session = ctx.host.ovsdb.open({ connection, timeoutMs, ...(tls ? { tls } : {}) });
  const database = new Absence(ctx.clock, "Open vSwitch's database is away");
  let picture = await firstPicture(ctx, session);
  const options = bridgeOptions(config);
  const { tunnels } = options;
  const made: OvsSwitch[] = [];
  const part = await startL2Agent(ctx, {
    name: 'openvswitch',
    agentType: 'Open vSwitch agent',
    binary: 'neutron-openvswitch-agent',
    agentId: `ovs-agent-${ctx.config.host}`,
    nameOf: portId => portId,
    population: tunnels?.l2population ? { end: tunnels.localIp, types: tunnels.types } : undefined,
    configurations: view => configurations(ctx, config, picture, view),
    silent: () => made[0]?.away() ?? database.away(),
    make: core => {
      const { types = [], localIp = '' } = tunnels ?? {};
      const ends = tunnels
        ? new TunnelEnds({ bus: ctx.bus, log: ctx.log, host: ctx.config.host, localIp, types, onChange: () => core.mark() })
        : undefined;
      const packetLog = packetLogOf(core, config);
      const policies = qosPoliciesOf(core);
      const ovs = new OvsSwitch({
        ...core,
        session,
        options,
        firewall: config.firewall,
        permittedEthertypes: config.permittedEthertypes,
        probeMs: config.probeMs,
        ends,
        packetLog,
        qos: policies && new OvsQos({ ...options, session, log: ctx.log, qosOf: port => policies.of(port) }),
      });
      made.push(ovs);
      const trunks = new Trunks({
        ctx,
        resources: core.resources,
        host: new OvsTrunkHost({ session, integrationBridge: options.integrationBridge, clock: ctx.clock }),
      });
      return {
        switch: ovs,
        objects: [trunks.objects, ...(packetLog ? [packetLog.logs] : []), ...(policies ? [policies] : [])],
        statistics: () => ovs.statistics(),
        ...(packetLog ? { samples: () => packetLog.samples() } : {}),
        watch: () => {
          const stack = new AsyncDisposableStack();
          stack.use(trunks.start());
          stack.use(watchDatabase(core, session, config, database, now => (picture = now)));
          return stack;
        },
        ...(ends ? { topics: ends.topics(), onUp: () => ends.touch() } : {}),
      };
    },
  });
  return {
    name: part.name,
    synced: part.synced,
    ...(part.metrics ? { metrics: part.metrics } : {}),
    async [Symbol.asyncDispose]() {
      await part[Symbol.asyncDispose]();
      await Promise.all([...made, session, guard].map(part => part[Symbol.asyncDispose]()));
    },
  };
}

/** Without the switch there is nothing to report: it is waited for, however long that takes. */
async function firstPicture(ctx: AgentContext, session: OvsdbSession): Promise<OvsPicture> {
  for (let told = false; ; told = true) {
    try {
      return await session.picture();
    } catch (error) {
      if (!told) ctx.log.warning('no Open vSwitch yet; trying on', { error: String(error) });
    }
  }
}

function packetLogOf({ ctx, view, mark }: L2Core, { integrationBridge, firewall }: OpenvswitchConfig): OvsPacketLog | undefined {
  const { packetLog: sink } = ctx;
  const { packetLog: config } = ctx.config;
  if (!config || !sink) return undefined;
  if (firewall !== 'openvswitch') {
    ctx.log.warning('no packets are logged: only the firewall openvswitch does that here');
    return undefined;
  }
  return new OvsPacketLog({ ctx, view, mark, bridge: integrationBridge, config, sink });
}

function bridgeOptions(config: OpenvswitchConfig): BridgeOptions {
  const { tunnels, integrationBridge, tunnelBridge, intPatch, tunPatch, bridgeMappings, datapathType, macTableSize, igmpSnooping } = config;
  const tos = tunnels?.dscp === 'inherit' ? 'inherit' : tunnels?.dscp === undefined ? undefined : String(tunnels.dscp << 2);
  return {
    integrationBridge,
    tunnelBridge,
    intPatch,
    tunPatch,
    bridgeMappings,
    datapathType,
    macTableSize,
    igmpSnooping,
    tunnelOptions: {
      vxlanPort: tunnels?.vxlanPort ?? 4789,
      dontFragment: tunnels?.dontFragment ?? true,
      checksum: tunnels?.checksum ?? false,
      ...(tos === undefined ? {} : { tos }),
    },
    ...(tunnels ? { tunnels: { ...tunnels, localIp: canonicalIp(tunnels.localIp) ?? tunnels.localIp } } : {}),
  };
}

/** For Placement, where nothing is configured. */
const inventory = { allocation_ratio: 1, min_unit: 1, step_size: 1, reserved: 0 };
const noResources: ResourceReport = {
  resource_provider_bandwidths: {},
  resource_provider_inventory_defaults: inventory,
  resource_provider_packet_processing_without_direction: {},
  resource_provider_packet_processing_with_direction: {},
  resource_provider_packet_processing_inventory_defaults: inventory,
  resource_provider_hypervisors: {},
};

/** With Neutron's keys: what the server binds ports by, and operators read. */
function configurations(ctx: AgentContext, config: OpenvswitchConfig, { root }: OvsPicture, view: View): object {
  const { tunnels, bridgeMappings, integrationBridge, datapathType, vhostuserDir } = config;
  return {
    bridge_mappings: bridgeMappings,
    ...(config.resources ?? noResources),
    integration_bridge: integrationBridge,
    tunnel_types: tunnels?.types ?? [],
    tunneling_ip: tunnels?.localIp ?? null,
    l2_population: tunnels?.l2population ?? false,
    arp_responder_enabled: (tunnels?.l2population && tunnels.arpResponder) ?? false,
    enable_distributed_routing: false,
    in_distributed_mode: false,
    log_agent_heartbeats: ctx.config.logHeartbeats ?? false,
    extensions: (ctx.config.extensions ?? []).filter(
      name => extensionsOf.openvswitch.includes(name) && (name !== 'log' || config.firewall === 'openvswitch'),
    ),
    datapath_type: datapathType,
    ovs_capabilities: { datapath_types: root.datapath_types, iface_types: root.iface_types },
    vhostuser_socket_dir: vhostuserDir,
    ovs_hybrid_plug: config.firewall === 'iptables_hybrid',
    baremetal_smartnic: false,
    devices: view.ports().length,
  };
}

/** A change in the database is what a pass follows: ports that come, their numbers, and what others changed of ours. */
function watchDatabase(
  core: L2Core,
  session: OvsdbSession,
  config: OpenvswitchConfig,
  absence: Absence,
  keep: (now: OvsPicture) => void,
): AsyncDisposable {
  const { mark, appeared, ctx } = core;
  let away = false;
  // At once, and not in a pass: one that is under way may wait for the server.
  const shut = (now: OvsPicture): void => {
    const fresh = freshPorts(now, config.integrationBridge);
    if (fresh.length > 0)
      shutFresh(session, fresh).catch((error: unknown) => ctx.log.warning('fresh ports stay open', { error: String(error) }));
  };
  // Devices called tap… that are no port's: the filters must know of them.
  const taps = config.firewall === 'iptables_hybrid' ? watchTaps(core) : undefined;
  const watch = session.watch(news => {
    if (news.kind === 'down') {
      away = true;
      ctx.log.warning("Open vSwitch's database is away", { why: news.why });
      absence.began(news.why, core.report);
      return;
    }
    if (news.kind === 'up') {
      if (away) ctx.log.info("Open vSwitch's database is back");
      away = false;
      absence.ended();
      void session.picture().then(shut, () => {});
      mark(true);
      return;
    }
    keep(news.picture);
    shut(news.picture);
    if (!news.changes.some(c => c.table === 'Interface' || c.table === 'Port' || c.table === 'Bridge')) return;
    for (const device of vifsOf(news.picture, config.integrationBridge).vifs.keys()) appeared(device);
    mark();
  });
  return {
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]();
      await taps?.[Symbol.asyncDispose]();
    },
  };
}

const watchTaps = ({ ctx, mark }: L2Core): AsyncDisposable =>
  ctx.host.links.watch(
    hostNetns,
    link => {
      if (link.name.startsWith('tap')) mark();
    },
    () => mark(),
  );
