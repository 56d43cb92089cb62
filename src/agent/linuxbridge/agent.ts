// The Linux bridge agent: an L2 agent whose switch is the kernel's bridges.

import { hostNetns } from '../../contracts/host/netns.ts';
import type { AgentContext, AgentPart, LinuxbridgeConfig } from '../context.ts';
import { isTapName, tapName } from '../desired/linuxbridge-names.ts';
import { type L2Core, startL2Agent } from '../l2/agent.ts';
import { extensionsOf } from '../l2/extensions.ts';
import { qosPoliciesOf } from '../l2/qos-policies.ts';
import { Trunks } from '../l2/trunks/trunks.ts';
import type { View } from '../l2/view.ts';
import { BridgeSwitch } from './bridge-switch.ts';
import { BridgeQos } from './qos.ts';
import { sha1Hex } from './sha1.ts';
import { deviceStatistics } from './statistics.ts';
import { BridgeTrunkHost } from './trunk-host.ts';

export async function startLinuxbridgeAgent(ctx: AgentContext): Promise<AgentPart> {
  const config = ctx.config.linuxbridge;
  if (!config) throw new Error('the Linux bridge agent has no configuration');
  const { interfaceMappings, bridgeMappings, vxlan } = config;
  if (vxlan?.arpResponder && !vxlan.l2population) ctx.log.warning('arp_responder does nothing: only l2_population says what to answer');
  const options = { interfaceMappings, bridgeMappings, sha1Hex, ...(vxlan ? { vxlan } : {}) };
  return startL2Agent(ctx, {
    name: 'linuxbridge',
    agentType: 'Linux bridge agent',
    binary: 'neutron-linuxbridge-agent',
    agentId: await agentId(ctx, config),
    nameOf: tapName,
    population: vxlan?.l2population ? { end: vxlan.localIp, types: ['vxlan'] } : undefined,
    configurations: view => configurations(ctx, config, view),
    make: core => {
      const policies = qosPoliciesOf(core);
      const qos = policies && new BridgeQos({ ctx, ...(config.qos ?? qosDefaults), qosOf: port => policies.of(port) });
      const trunks = new Trunks({ ctx, resources: core.resources, host: new BridgeTrunkHost({ links: ctx.host.links, view: core.view }) });
      return {
        switch: new BridgeSwitch({ ...core, options, qos }),
        objects: [trunks.objects, ...(policies ? [policies] : [])],
        watch: () => {
          const stack = new AsyncDisposableStack();
          stack.use(trunks.start());
          stack.use(watchLinks(core, config));
          return stack;
        },
        statistics: () => deviceStatistics(ctx.host.files),
      };
    },
  });
}

/** `[QOS]` as Neutron has it where nothing is said. */
const qosDefaults = { kernelHz: 250, latencyMs: 50 };

function configurations(ctx: AgentContext, { bridgeMappings, interfaceMappings, vxlan }: LinuxbridgeConfig, view: View): object {
  return {
    bridge_mappings: bridgeMappings,
    interface_mappings: interfaceMappings,
    extensions: (ctx.config.extensions ?? []).filter(name => extensionsOf.linuxbridge.includes(name)),
    devices: view.ports().length,
    ...(vxlan ? { tunneling_ip: vxlan.localIp, tunnel_types: ['vxlan'], l2_population: vxlan.l2population } : {}),
  };
}

function watchLinks({ ctx, mark, appeared }: L2Core, config: LinuxbridgeConfig): AsyncDisposable {
  return ctx.host.links.watch(
    hostNetns,
    e => {
      if (!concerns(e.name, config)) return;
      if (e.kind === 'added' && isTapName(e.name)) appeared(e.name);
      mark();
    },
    () => mark(),
  );
}

/** Events of devices that no pass would look at are not worth one. */
function concerns(name: string, config: LinuxbridgeConfig): boolean {
  const mapped = [...Object.values(config.interfaceMappings), ...Object.values(config.bridgeMappings)];
  return /^(tap|brq|vxlan-)/.test(name) || mapped.some(m => name === m || name.startsWith(`${m}.`));
}

/** `lb` and the MAC of the first mapped bridge, or of the first device. */
async function agentId(ctx: AgentContext, config: LinuxbridgeConfig): Promise<string> {
  const links = await ctx.host.links.list(hostNetns);
  const [mapped] = Object.values(config.bridgeMappings);
  const chosen = links.find(l => l.name === mapped) ?? links.find(l => l.name !== 'lo' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(l.mac));
  return `lb${(chosen?.mac ?? '00:00:00:00:00:00').replaceAll(':', '')}`;
}
