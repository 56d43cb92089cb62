// The Weft under test, behind a Keystone: with a contained host and its agents, or the API server alone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import { startDaemon } from './daemon.ts';
import { type Admin, ensureAccount, publish } from './identity-admin.ts';

export interface RunningWeft extends AsyncDisposable {
  /** Without the version. */
  readonly url: string;
  readonly region: string;
  /** With the administrator's token; `path` begins behind `/v2.0`. Rejects for every status from 400 on. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
}

const root = join(import.meta.dirname, '../..');
const servicePassword = 'conformance';
/** What the recorded server had; of VNIs those that a suite takes for granted. */
const configuration = `[DEFAULT]
dns_domain = peer.example.
[ml2_type_vlan]
network_vlan_ranges = physnet1:100:1999,physnet2
[ml2_type_vxlan]
vni_ranges = 1:2000
[ml2_type_geneve]
vni_ranges = 1:20000
max_header_size = 38
[ml2_type_gre]
tunnel_id_ranges = 1:1000
`;

export async function startWeft(folder: string, verb: 'up' | 'server', admin: Admin): Promise<RunningWeft> {
  await ensureAccount(admin, { username: 'neutron', password: servicePassword, project: 'service' }, ['admin', 'service']);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const region = `weft-${verb}`;
  await publish(admin, region, url);
  const stateDir = join(folder, verb);
  const config = join(folder, `${verb}.conf`);
  writeFileSync(config, configuration);
  const headers = { 'x-auth-token': admin.token, 'content-type': 'application/json' };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const reply = await fetch(`${url}/v2.0${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text.slice(0, 300)}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  const daemon = await startDaemon({
    argv: [
      join(root, 'bin/weft'),
      verb,
      '--state-dir',
      stateDir,
      '--listen',
      `127.0.0.1:${port}`,
      '--keystone',
      admin.url,
      '--config-file',
      config,
    ],
    env: { WEFT_KEYSTONE_PASSWORD: servicePassword },
    cwd: root,
    log: join(folder, `weft-${verb}.log`),
    ready: async () => (verb === 'server' ? Boolean(await call('GET', '/networks')) : hasAgents(call)),
    withinMs: 300_000,
    endMs: 60_000,
  });
  return { url, region, call, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

async function hasAgents(call: RunningWeft['call']): Promise<boolean> {
  const { agents } = await call<{ agents: { alive: boolean }[] }>('GET', '/agents');
  return agents.length >= 4 && agents.every(agent => agent.alive);
}

/** The external network that the suites are told of; its addresses are nobody else's. */
export async function ensureExternalNetwork({ call }: RunningWeft): Promise<string> {
  const name = 'suites-public';
  const { networks } = await call<{ networks: { id: string }[] }>('GET', `/networks?name=${name}`);
  if (networks[0]) return networks[0].id;
  const { network } = await call<{ network: { id: string } }>('POST', '/networks', { network: { name, 'router:external': true } });
  for (const subnet of [
    { ip_version: 4, cidr: '198.51.100.0/24' },
    { ip_version: 6, cidr: '2001:db8:ff::/64' },
  ])
    await call('POST', '/subnets', { subnet: { network_id: network.id, enable_dhcp: false, ...subnet } });
  return network.id;
}

/** Default pools of both families, which topologies for the asking are made of. */
export async function ensureSubnetPools({ call }: RunningWeft): Promise<void> {
  const { subnetpools } = await call<{ subnetpools: unknown[] }>('GET', '/subnetpools?is_default=true');
  if (subnetpools.length > 0) return;
  for (const subnetpool of [
    { name: 'suites-v4', prefixes: ['10.128.0.0/16'], default_prefixlen: 26 },
    { name: 'suites-v6', prefixes: ['2001:db8:128::/48'], default_prefixlen: 64 },
  ])
    await call('POST', '/subnetpools', { subnetpool: { ...subnetpool, shared: true, is_default: true } });
}
