// What agents ask of the servers at the same moment: here by a third process on the same database.
import { type Endpoint, RpcFailure } from '../../../src/contracts/bus.ts';
import { ApiError } from '../../../src/domain/errors.ts';
import type { Services } from '../../../src/server/context.ts';
import { devices } from '../../../src/server/rpc/devices.ts';
import { dhcp } from '../../../src/server/rpc/dhcp.ts';
import { l3 } from '../../../src/server/rpc/l3.ts';
import type { Chance } from './chance.ts';
import type { Objects } from './objects.ts';
import type { Scene } from './scene.ts';

type Args = Parameters<Endpoint['methods'][string]>[0];
type Call = readonly [method: string, args: Args];

function calls(o: Objects, { external }: Scene, by: Chance): readonly (() => Call)[] {
  const host = (): string => by.pick(['l1', 'l2', 's1', 's2', 'h']);
  const wanted = (network_id: string) => ({ network_id, device_id: `dhcp-${network_id}`, fixed_ips: [], name: '' });
  return [
    () => ['sync_routers', { host: host(), router_ids: null }],
    () => ['get_agent_gateway_port', { network_id: external, host: by.pick(['h', 's1', 's2']) }],
    () => ['update_ha_routers_states', { host: host(), states: { [o.id('router', by)]: by.pick(['active', 'standby']) } }],
    () => ['get_active_networks_info', { host: by.pick(['h', 'd1']) }],
    () => ['create_dhcp_port', { host: 'd1', port: { port: wanted(o.id('network', by)) } }],
    () => {
      const network_id = o.id('network', by);
      return ['release_dhcp_port', { host: 'd1', network_id, device_id: `dhcp-${network_id}` }];
    },
    () => ['get_device_details', { device: o.id('port', by), host: 'h', agent_id: 'lbh' }],
    () => ['update_device_up', { device: o.id('port', by), host: 'h', agent_id: 'lbh' }],
  ];
}

/** Answers what an agent does next; fails where an agent would hear of an error that is not its own. */
export function agentWork(
  services: Services,
  o: Objects,
  scene: Scene,
  by: Chance,
  heard: (call: string, args: Args) => void = () => {},
): () => Promise<void> {
  const methods = { ...devices(services, async () => {}).methods, ...dhcp(services).methods, ...l3(services).methods };
  const all = calls(o, scene, by);
  return async () => {
    const [name, args] = by.pick(all)();
    heard(name, args);
    try {
      await methods[name]?.(args, {} as never);
    } catch (error) {
      const told = error instanceof RpcFailure || (error instanceof ApiError && error.status < 500);
      if (!told) throw new Error(`${name} ${JSON.stringify(args)} failed`, { cause: error });
    }
  };
}
