// The commands of the resources around routers and floating IPs.
import type { Services } from '../context.ts';
import type { Commands } from './commands.ts';
import { flavorCommands } from './flavors.ts';
import { floatingipPools } from './floatingip-pools.ts';
import { localIpCommands } from './local-ips.ts';
import { loggableResources, logs } from './logs.ts';
import { meteringLabelRules, meteringLabels } from './metering.ts';
import { ndpProxies } from './ndp-proxies.ts';
import { portForwardings } from './port-forwardings.ts';

export function l3ServiceCommands(_services: Services): readonly Commands[] {
  return [
    portForwardings,
    floatingipPools,
    ...flavorCommands,
    ...localIpCommands,
    meteringLabels,
    meteringLabelRules,
    logs,
    loggableResources,
    ndpProxies,
  ];
}
