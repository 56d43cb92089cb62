// Bad input to what is beside networks, ports and routers, and lists of it: Neutron's status, error type and text.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

const nobodys = '00000000-0000-4000-8000-000000000000';
const longTag = 'x'.repeat(256);
const operation = 'Invalid input for operation: ';
const protocols = 'Only protocol names and their integer representation (0 to 255) are supported.';

describe('refusals of services', () => {
  let h: Harness;
  /** By the names that paths and bodies below use. */
  const made: Record<string, Made> = {};

  before(async () => {
    h = await start();
    made.net = await h.admin.make('networks', 'network', {});
    made.ext = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: made.ext.id, ip_version: 4, cidr: '172.30.0.0/24' });
    made.router = await h.admin.make('routers', 'router', {});
    made.fip = await h.admin.make('floatingips', 'floatingip', { floating_network_id: made.ext.id });
    made.port = await h.admin.make('ports', 'port', { network_id: made.net.id, device_owner: 'compute:x' });
    made.policy = await h.admin.make('qos/policies', 'policy', {});
    made.group = await h.admin.make('security-groups', 'security_group', {});
    made.profile = await h.admin.make('service_profiles', 'service_profile', { metainfo: '{}' });
  });
  after(() => h[Symbol.asyncDispose]());

  const filled = <T>(value: T): T => JSON.parse(JSON.stringify(value).replace(/\{(\w+)\}/g, (_, name: string) => made[name]!.id)) as T;
  const helper = (protocol: unknown): Body => ({ conntrack_helper: { protocol, port: 69, helper: 'tftp' } });
  const subnet = (more: Body): Body => ({ subnet: { network_id: '{net}', ip_version: 4, cidr: '10.0.0.0/24', ...more } });

  const port = (more: Body): Body => ({ port: { network_id: '{net}', ...more } });
  const forwarding = (port_forwarding: Body): Body => ({ port_forwarding });
  const tcp = { protocol: 'tcp', internal_ip_address: '10.0.0.9', internal_port_id: nobodys, internal_port: 1 };

  const cases: readonly (readonly [method: string, path: string, body: unknown, status: number, type: string, message: string])[] = [
    ['GET', 'rbac-policies?object_type=zz', undefined, 400, 'InvalidInput', `${operation}'zz' is not a valid RBAC object type.`],
    [
      'GET',
      'floatingips/{fip}/port_forwardings?protocol=zz',
      undefined,
      400,
      'InvalidInput',
      `${operation}IP protocol 'zz' is not supported. ${protocols}`,
    ],
    [
      'GET',
      'routers/{router}/conntrack_helpers?protocol=',
      undefined,
      400,
      'InvalidInput',
      `${operation}IP protocol '' is not supported. ${protocols}`,
    ],
    [
      'POST',
      'routers/{router}/conntrack_helpers',
      helper('any'),
      400,
      'InvalidInput',
      `${operation}IP protocol 'any' is not supported. ${protocols}`,
    ],
    [
      'POST',
      'routers/{router}/conntrack_helpers',
      helper('256'),
      400,
      'InvalidInput',
      `${operation}IP protocol '256' is not supported. ${protocols}`,
    ],
    ['POST', 'routers/{router}/conntrack_helpers', helper(5), 400, 'InvalidInput', `${operation}Input value 5 must be string type.`],
    [
      'POST',
      'routers/{router}/conntrack_helpers',
      helper('6'),
      400,
      'HTTPBadRequest',
      'Invalid input for protocol. Reason: 6 is not in valid_values.',
    ],
    [
      'POST',
      'local-ips',
      { local_ip: { network_id: '{net}' } },
      400,
      'BadRequest',
      'Bad local_ip request: Network {net} does not contain any IPv4 subnet.',
    ],
    [
      'PUT',
      'service_profiles/{profile}',
      { service_profile: { metainfo: { a: 1 } } },
      400,
      'HTTPBadRequest',
      "Invalid input for metainfo. Reason: '{'a': 1}' is not a valid string.",
    ],
    ['POST', 'networks', { network: { dns_domain: null } }, 400, 'InvalidInput', `${operation}Input value None must be string type.`],
    ['POST', 'networks', { networks: [5] }, 400, 'HTTPBadRequest', 'Body contains invalid data'],
    ['POST', 'subnets', { subnet: {} }, 400, 'HTTPBadRequest', "Failed to parse request. Required attribute 'ip_version' not specified"],
    [
      'POST',
      'subnets',
      subnet({ gateway_ip: '010.0.0.1' }),
      400,
      'HTTPBadRequest',
      "Invalid input for gateway_ip. Reason: '010.0.0.1' is not an accepted IP address, '10.0.0.1' is recommended.",
    ],
    [
      'POST',
      'subnets',
      subnet({ host_routes: ['a', 'a'] }),
      400,
      'HTTPBadRequest',
      "Invalid input for host_routes. Reason: Invalid input. 'a' must be a dictionary with keys: ['destination', 'nexthop'].",
    ],
    [
      'POST',
      'subnets',
      subnet({ service_types: [`compute:${'x'.repeat(248)}`] }),
      400,
      'HTTPBadRequest',
      `Invalid input for service_types. Reason: 'compute:${'x'.repeat(248)}' exceeds maximum length of 255.`,
    ],
    [
      'POST',
      'subnets',
      subnet({ cidr: '10.0.0.0' }),
      400,
      'InvalidInput',
      `${operation}Subnet has a prefix length that is incompatible with DHCP service enabled.`,
    ],
    [
      'POST',
      'floatingips/{fip}/port_forwardings',
      forwarding({}),
      400,
      'HTTPBadRequest',
      "Failed to parse request. Required attribute 'internal_ip_address' not specified",
    ],
    [
      'POST',
      'floatingips/{fip}/port_forwardings',
      forwarding({ ...tcp, external_port: 'x' }),
      400,
      'HTTPBadRequest',
      "Invalid input for external_port. Reason: 'x' is not an integer.",
    ],
    [
      'POST',
      'floatingips/{fip}/port_forwardings',
      forwarding({ ...tcp, external_port_range: [] }),
      400,
      'HTTPBadRequest',
      'Invalid input for external_port_range. Reason: Invalid port: [].',
    ],
    [
      'POST',
      'ports',
      port({ mac_address: 'ff:ff:ff:ff:ff:ff' }),
      400,
      'HTTPBadRequest',
      "Invalid input for mac_address. Reason: 'ff:ff:ff:ff:ff:ff' is not a valid MAC address.",
    ],
    ['POST', 'ports', port({ project_id: 5 }), 400, 'HTTPBadRequest', "Invalid input for tenant_id. Reason: '5' is not a valid string."],
    [
      'POST',
      'address-groups',
      { address_group: { tenant_id: 5 } },
      400,
      'HTTPBadRequest',
      "Invalid input for project_id. Reason: '5' is not a valid string.",
    ],
    ['PUT', 'networks/{net}', { network: { project_id: 'x' } }, 400, 'HTTPBadRequest', 'Cannot update read-only attribute tenant_id'],
    ['PUT', 'local-ips/x', { local_ip: { tenant_id: 'x' } }, 400, 'HTTPBadRequest', 'Cannot update read-only attribute project_id'],
    [
      'POST',
      'network-segment-ranges',
      { network_segment_range: { project_id: null, minimum: 1, maximum: 2 } },
      400,
      'HTTPBadRequest',
      "Invalid input for project_id. Reason: 'None' is not a valid string.",
    ],
    [
      'POST',
      'flavors',
      { flavor: { project_id: 5, service_type: 'L3_ROUTER_NAT' } },
      400,
      'HTTPBadRequest',
      "Invalid input for tenant_id. Reason: '5' is not a valid string.",
    ],
    [
      'POST',
      'rbac-policies',
      { rbac_policy: {} },
      400,
      'HTTPBadRequest',
      "Failed to parse request. Required attribute 'object_id' not specified",
    ],
    [
      'PUT',
      `rbac-policies/${nobodys}`,
      { rbac_policy: { target_tenant: 5 } },
      400,
      'HTTPBadRequest',
      "Invalid input for target_tenant. Reason: '5' is not a valid string.",
    ],
    [
      'PUT',
      `rbac-policies/${nobodys}`,
      { rbac_policy: { target_tenant: 'x' } },
      400,
      'HTTPBadRequest',
      "Invalid input for target_tenant. Reason: 'x' is not a valid UUID or '*'.",
    ],
    [
      'GET',
      'ports/{port}/bindings?sort_key=host&sort_dir=asc',
      undefined,
      400,
      'HTTPBadRequest',
      "['host'] is invalid attribute for sort_keys",
    ],
    [
      'POST',
      'qos/policies/{policy}/bandwidth_limit_rules',
      { bandwidth_limit_rule: { max_kbps: -1 } },
      400,
      'HTTPBadRequest',
      "Invalid input for max_kbps. Reason: '-1' is too small - must be at least '0'.",
    ],
    ['POST', 'quotas', { quota: {} }, 501, 'HTTPNotImplemented', 'POST requests are not supported on this resource.'],
    ['GET', `networks/{net}/tags/${longTag}`, undefined, 400, 'InvalidInput', `${operation}'${longTag}' exceeds maximum length of 255.`],
    ['DELETE', `networks/{net}/tags/${longTag}`, undefined, 400, 'InvalidInput', `${operation}'${longTag}' exceeds maximum length of 255.`],
    [
      'PUT',
      'routers/{router}/add_router_interface',
      { subnet_id: null },
      400,
      'BadRequest',
      "Bad router request: 'None' is not a valid UUID.",
    ],
    [
      'PUT',
      'routers/{router}/remove_router_interface',
      { subnet_id: nobodys },
      404,
      'SubnetNotFound',
      `Subnet ${nobodys} could not be found.`,
    ],
    [
      'POST',
      'security-group-rules',
      { security_group_rule: { security_group_id: '{group}', direction: 'ingress', ethertype: null } },
      400,
      'SecurityGroupRuleInvalidEtherType',
      "Security group rule for ethertype 'None' not supported. Allowed values are ['IPv4', 'IPv6'].",
    ],
    ['POST', 'routers', { router: { flavor_id: 'gold' } }, 404, 'FlavorNotFound', 'Flavor gold could not be found.'],
  ];

  for (const [method, path, body, ...wanted] of cases)
    test(`${method} ${path} ${body === undefined ? '' : JSON.stringify(body).slice(0, 120)}: ${wanted[0]}`, async () => {
      assert.deepEqual(await h.admin.refused(method, filled([path])[0]!, body === undefined ? undefined : filled(body)), filled(wanted));
    });

  test('a prefix may be written as an address with a mask, and alone', async () => {
    const attributes = { network_id: made.net!.id, ip_version: 4, enable_dhcp: false };
    const cidrs = ['10.1.0.7/255.255.255.0', '10.2.0.1'].map(cidr =>
      h.admin.make('subnets', 'subnet', { ...attributes, cidr, gateway_ip: null }),
    );
    assert.deepEqual(
      (await Promise.all(cidrs)).map(one => one.cidr),
      ['10.1.0.0/24', '10.2.0.1/32'],
    );
    assert.equal((await h.admin.list('subnets?cidr=10.2.0.1')).length, 1);
  });

  test('what a driver reads of a profile is a text, up to 4096 characters', async () => {
    const put = async (metainfo: unknown): Promise<unknown> =>
      (
        (await h.admin.request('PUT', `service_profiles/${made.profile!.id}`, { service_profile: { metainfo } })).body
          .service_profile as Body
      ).metainfo;
    assert.deepEqual([await put(5), await put('m'.repeat(4096))], ['5', 'm'.repeat(4096)]);
    const longer = { service_profile: { metainfo: 'm'.repeat(4097) } };
    assert.deepEqual((await h.admin.refused('PUT', `service_profiles/${made.profile!.id}`, longer)).slice(0, 2), [400, 'HTTPBadRequest']);
  });

  test('whoever makes a flavor or a profile may name a project, which is kept nowhere', async () => {
    const flavor = await h.admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', project_id: h.other.project });
    const profile = await h.admin.make('service_profiles', 'service_profile', { metainfo: 'm', tenant_id: h.other.project });
    const binding = { service_profile: { id: profile.id, project_id: h.other.project } };
    assert.equal((await h.admin.request('POST', `flavors/${flavor.id}/service_profiles`, binding)).status, 201);
    for (const one of [flavor, profile]) assert.deepEqual([one.project_id, one.tenant_id], [undefined, undefined]);
  });

  test('a switch that is null is as it begins: on', async () => {
    const flavor = await h.admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', enabled: null });
    const profile = await h.admin.make('service_profiles', 'service_profile', { metainfo: 'm', enabled: false });
    const put = await h.admin.request('PUT', `service_profiles/${profile.id}`, { service_profile: { enabled: null } });
    assert.deepEqual([flavor.enabled, profile.enabled, (put.body.service_profile as Body).enabled], [true, false, true]);
  });

  test('an empty device profile is none', async () => {
    assert.equal((await h.admin.make('ports', 'port', { network_id: made.net!.id, device_profile: '' })).device_profile, null);
  });

  test('an address that a metering rule names is a prefix; an empty prefix is none', async () => {
    const { id } = await h.admin.make('metering/metering-labels', 'metering_label', {});
    const rule = { metering_label_id: id, direction: 'ingress', remote_ip_prefix: '10.0.0.7', source_ip_prefix: '' };
    const { remote_ip_prefix, source_ip_prefix } = await h.admin.make('metering/metering-label-rules', 'metering_label_rule', rule);
    assert.deepEqual([remote_ip_prefix, source_ip_prefix], ['10.0.0.7/32', null]);
  });

  test('filters that compare find nothing where nothing can be equal', async () => {
    assert.deepEqual(await h.admin.list(`floatingips/${made.fip!.id}/port_forwardings?external_port=zz`), []);
    assert.deepEqual(await h.admin.list(`security-group-rules?security_group_id=${made.group!.id}&remote_ip_prefix=`), []);
    const types = (await h.admin.list('rbac-policies?object_type=%20Network&object_type=qos_policy')).map(one => one.object_type);
    assert.deepEqual(types, ['network']);
  });

  test('behind a marker that is not there no computed list goes on', async () => {
    const path = 'network-ip-availabilities?limit=1';
    assert.equal((await h.admin.list(path)).length, 1);
    for (const more of ['', '&page_reverse=True']) assert.deepEqual(await h.admin.list(`${path}&marker=${nobodys}${more}`), []);
  });

  test('a filter by addresses without a value is none', async () => {
    await h.admin.make('ports', 'port', { network_id: made.net!.id, fixed_ips: [] });
    const [all, asked] = await Promise.all([h.admin.list('ports'), h.admin.list('ports?fixed_ips=True')]);
    assert.equal(asked.length, all.length);
  });
});
