// An imported cloud that is worked on: new objects among the old, and in the end everything deleted.
import assert from 'node:assert/strict';
import type { Api, Body, Made } from '../../api/client.ts';

type Fixed = { readonly subnet_id: string; readonly ip_address: string };

/** What is made now takes nothing that is taken. */
export async function goOn(admin: Api, member: Api): Promise<void> {
  const before = await admin.list('ports');
  const taken = new Set(before.flatMap(p => (p['fixed_ips'] as Fixed[]).map(f => `${f.subnet_id} ${f.ip_address}`)));
  const macs = new Set(before.map(p => p['mac_address']));
  const [inside] = await member.list('networks?name=inside');
  const made: Made[] = [];
  for (let i = 0; i < 12; i++) made.push(await member.make('ports', 'port', { network_id: inside!.id, name: `new-${i}` }));
  for (const port of made) {
    for (const { subnet_id, ip_address } of port['fixed_ips'] as Fixed[]) assert.equal(taken.has(`${subnet_id} ${ip_address}`), false);
    assert.equal(macs.has(port['mac_address']), false);
  }
  const numbers = (networks: readonly Made[]): unknown[] => networks.map(n => n['provider:segmentation_id']);
  const old = new Set(numbers(await admin.list('networks?provider:network_type=vxlan')));
  for (let i = 0; i < 5; i++) {
    const net = await admin.make('networks', 'network', { name: `new-${i}` });
    assert.equal(old.has(net['provider:segmentation_id']), false);
  }
  await refusals(member, inside!.id);
  const answer = await member.request('PUT', `ports/${made[0]!.id}`, { port: { name: 'renamed' } });
  assert.equal((answer.body['port'] as Made)['name'], 'renamed');
}

/** What is taken is refused, as it was before. */
async function refusals(member: Api, network_id: string): Promise<void> {
  const port = (values: Body) => member.refused('POST', 'ports', { port: { network_id, ...values } });
  const [plain] = await member.list('ports?name=plain');
  assert.deepEqual((await port({ mac_address: plain!['mac_address'] })).slice(0, 2), [409, 'MacAddressInUse']);
  const fixed_ips = [{ ip_address: '10.1.0.150' }];
  assert.deepEqual((await port({ fixed_ips })).slice(0, 2), [409, 'IpAddressAlreadyAllocated']);
  const overlapping = { network_id, ip_version: 4, cidr: '10.1.0.128/25' };
  assert.equal((await member.refused('POST', 'subnets', { subnet: overlapping }))[0], 400);
}

const inOrder = [
  'log/logs',
  'trunks',
  'ndp_proxies',
  'local_ips',
  'floatingips',
  'metering/metering-label-rules',
  'metering/metering-labels',
  'routers',
  'ports',
  'subnets',
  'networks',
  'subnetpools',
  'address-scopes',
  'security-group-rules',
  'security-groups',
  'address-groups',
  'qos/policies',
  'flavors',
  'service_profiles',
  'rbac-policies',
  'network_segment_ranges?default=false',
  'agents',
  'quotas',
];

/** Deletes whatever there is, and answers what would not go. */
export async function deleteAll(admin: Api): Promise<string[]> {
  await loosen(admin);
  const left: string[] = [];
  for (const path of inOrder) {
    const [plain = ''] = path.split('?');
    for (const object of await admin.list(path)) {
      if (plain === 'ports' && isKept(object)) continue;
      const answer = await admin.request('DELETE', `${plain}/${object.id ?? object['project_id']}`);
      if (![204, 404].includes(answer.status))
        left.push(`${plain} ${object['name'] ?? object.id}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
  }
  return left;
}

/** Goes with its network. */
const isKept = (port: Made): boolean => port['device_owner'] === 'network:dhcp';

/** What holds something else. */
async function loosen(admin: Api): Promise<void> {
  const done = async (method: string, path: string, body?: Body): Promise<void> => {
    const { status, body: said } = await admin.request(method, path, body);
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(said)}`);
  };
  for (const fip of await admin.list('floatingips'))
    for (const one of await admin.list(`floatingips/${fip.id}/port_forwardings`))
      await done('DELETE', `floatingips/${fip.id}/port_forwardings/${one.id}`);
  for (const local of await admin.list('local_ips'))
    for (const one of await admin.list(`local_ips/${local.id}/port_associations`))
      await done('DELETE', `local_ips/${local.id}/port_associations/${String(one['fixed_port_id'])}`);
  for (const path of ['log/logs', 'ndp_proxies', 'floatingips'])
    for (const one of await admin.list(path)) await done('DELETE', `${path}/${one.id}`);
  for (const router of await admin.list('routers')) {
    await done('PUT', `routers/${router.id}`, { router: { routes: [] } });
    for (const port of await admin.list(`ports?device_id=${router.id}`))
      if (/interface/.test(String(port['device_owner'])) && port['device_owner'] !== 'network:router_ha_interface')
        await done('PUT', `routers/${router.id}/remove_router_interface`, { port_id: port.id });
  }
  const flavored = (await admin.list('routers')).filter(router => router['flavor_id'] !== null);
  for (const router of flavored) await done('DELETE', `routers/${router.id}`);
  for (const flavor of await admin.list('flavors'))
    for (const id of flavor['service_profiles'] as string[]) await done('DELETE', `flavors/${flavor.id}/service_profiles/${id}`);
}
