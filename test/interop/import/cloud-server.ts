// A real neutron-server with everything switched on, whose callers are who they say they are: the headers that a Keystone would have made of a
// token, without one. They are the people of the API tests.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../../../src/server/context.ts';
import { type Api, client } from '../../api/client.ts';
import { personOf } from '../../api/people.ts';
import { NeutronServer } from '../neutron-server.ts';

const plugins =
  'router,metering,qos,trunk,segments,network_segment_range,port_forwarding,conntrack_helper,local_ip,ndp_proxy,log,auto_allocate,flavors,network_ip_availability,revisions,tag,timestamp';
const extensions =
  'port_security,qos,subnet_dns_publish_fixed_ip,data_plane_status,uplink_status_propagation,port_device_profile,port_numa_affinity_policy,tag_ports_during_bulk_creation';

const paste = `
[composite:neutron]
use = egg:Paste#urlmap
/v2.0: api
[composite:api]
use = call:neutron.auth:pipeline_factory
keystone = request_id catch_errors who extensions app
[filter:request_id]
paste.filter_factory = oslo_middleware:RequestId.factory
[filter:catch_errors]
paste.filter_factory = oslo_middleware:CatchErrors.factory
[filter:who]
paste.filter_factory = neutron.auth:NeutronKeystoneContext.factory
[filter:extensions]
paste.filter_factory = neutron.api.extensions:plugin_aware_extension_middleware_factory
[app:app]
paste.app_factory = neutron.api.v2.router:APIRouter.factory
`;

/** `folder`: for a file that it reads. */
export async function startCloudServer(transportUrl: string, folder: string): Promise<NeutronServer> {
  const file = join(folder, 'paste.ini');
  writeFileSync(file, paste);
  return NeutronServer.start({
    transportUrl,
    servicePlugins: plugins.split(','),
    extensionDrivers: extensions.split(','),
    settings: {
      DEFAULT: {
        auth_strategy: 'keystone',
        api_paste_config: file,
        dns_domain: 'cloud.example.',
        agent_down_time: 3600,
        dhcp_agents_per_network: 2,
      },
    },
  });
}

/** Weft's server in the place of that one. */
export const sameConfig: Partial<ServerConfig> = {
  dnsDomain: 'cloud.example.',
  agentDownTime: 3600,
  dhcpAgentsPerNetwork: 2,
  vlanRanges: { physnet1: [[100, 1999]] },
  vniRanges: [[1001, 20_000]],
};

export function neutronClient(url: string, who: string): Api {
  const person = personOf(who)!;
  const api = client(url, who);
  const mine = {
    'x-user-id': person.user_id,
    'x-user-name': person.user_name,
    'x-project-id': person.project_id ?? '',
    'x-project-name': person.project_name ?? '',
    'x-roles': person.roles.join(','),
  };
  const request: Api['request'] = (method, path, body, headers = {}) => api.request(method, path, body, { ...mine, ...headers });
  return {
    ...api,
    request,
    async make(path, name, attributes) {
      const answer = await request('POST', path, { [name]: attributes });
      if (answer.status !== 201) throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body[name] as never;
    },
    async list(path) {
      const { status, body } = await request('GET', path);
      if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
      return Object.entries(body).find(([key]) => !key.endsWith('_links'))?.[1] as never;
    },
  };
}
