// Agents and what they serve, flavors, and the limits of projects.
import { type Mapping, same, text } from '../mapping.ts';

const agents: Mapping = {
  from: 'agents',
  into: [
    {
      table: 'agents',
      columns: {
        ...same('id', 'agent_type', 'binary', 'topic', 'host', 'admin_state_up', 'created_at', 'started_at', 'heartbeat_timestamp'),
        ...same('description', 'configurations', 'availability_zone', 'resource_versions', 'resources_synced'),
      },
    },
  ],
};

const dhcpPlaces: Mapping = {
  from: 'networkdhcpagentbindings',
  into: [{ table: 'dhcp_bindings', columns: { network_id: 'network_id', agent_id: 'dhcp_agent_id' } }],
};

const distributedMacs: Mapping = {
  from: 'dvr_host_macs',
  into: [{ table: 'dvr_mac_addresses', columns: same('host', 'mac_address') }],
};

const flavors: Mapping = {
  from: 'flavors',
  into: [{ table: 'flavors', columns: same('id', 'name', 'description', 'enabled', 'service_type') }],
};

const profiles: Mapping = {
  from: 'serviceprofiles',
  into: [
    {
      table: 'service_profiles',
      columns: { ...same('id', 'description', 'driver', 'enabled'), metainfo: ({ row }) => text(row['metainfo']) },
    },
  ],
};

const profilesOfFlavors: Mapping = {
  from: 'flavorserviceprofilebindings',
  into: [{ table: 'flavor_service_profiles', columns: { id: 'service_profile_id', flavor_id: 'flavor_id' } }],
};

const quotas: Mapping = {
  from: 'quotas',
  into: [{ table: 'quotas', columns: { ...same('project_id', 'resource'), hard_limit: 'limit' } }],
};

export const agentTables: readonly Mapping[] = [agents, dhcpPlaces, distributedMacs, flavors, profiles, profilesOfFlavors, quotas];
