// tempest.conf: what the suites are told about the cloud under test. Everything they need is made by their own administrator.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from './identity-admin.ts';

export interface Cloud {
  /** With the version. */
  readonly keystone: string;
  /** Without. */
  readonly network: string;
  readonly region: string;
  readonly admin: Account;
  readonly publicNetwork: string;
  /** Aliases that it lists: tests of others are skipped. */
  readonly extensions: readonly string[];
}

type Sections = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Answers the file's path. */
export function writeTempestSettings(folder: string, cloud: Cloud): string {
  const lock = join(folder, 'lock');
  mkdirSync(lock, { recursive: true });
  const path = join(folder, 'tempest.conf');
  const text = Object.entries(sections(folder, cloud)).map(
    ([name, options]) =>
      `[${name}]\n${Object.entries(options)
        .map(([option, value]) => `${option} = ${value}\n`)
        .join('')}`,
  );
  writeFileSync(path, text.join('\n'), { mode: 0o600 });
  return path;
}

function sections(folder: string, { keystone, region, admin, publicNetwork, extensions }: Cloud): Sections {
  return {
    DEFAULT: { log_file: join(folder, 'tempest.log') },
    oslo_concurrency: { lock_path: join(folder, 'lock') },
    auth: {
      use_dynamic_credentials: 'true',
      admin_username: admin.username,
      admin_password: admin.password,
      admin_project_name: admin.project,
      admin_domain_name: 'Default',
      tempest_roles: 'member',
    },
    identity: { auth_version: 'v3', uri_v3: keystone, region, v3_endpoint_type: 'public', admin_role: 'admin' },
    'identity-feature-enabled': { api_v2: 'false' },
    network: {
      region,
      public_network_id: publicNetwork,
      floating_network_name: 'suites-public',
      project_network_cidr: '10.100.0.0/16',
      project_network_mask_bits: '28',
      build_interval: '1',
      build_timeout: '300',
    },
    'network-feature-enabled': { api_extensions: [...extensions].sort().join(','), ipv6: 'true', ipv6_subnet_attributes: 'true' },
    service_available: { neutron: 'true', nova: 'false', glance: 'false', cinder: 'false', swift: 'false', horizon: 'false' },
    validation: { run_validation: 'false' },
    neutron_plugin_options: {
      available_type_drivers: 'flat,vlan,vxlan,gre,geneve,local',
      provider_vlans: 'physnet1',
      agent_availability_zone: 'nova',
      firewall_driver: 'openvswitch',
    },
  };
}
