// A port as the server describes it to an L2 agent.

/** A device's port, from `get_devices_details_list`. */
export interface PortDetails {
  readonly device: string;
  readonly port_id: string;
  readonly network_id: string;
  readonly mac_address: string;
  readonly admin_state_up: boolean;
  readonly network_type: string;
  readonly segmentation_id: number | null;
  readonly physical_network: string | null;
  /** Null where the server is too old to say. */
  readonly mtu: number | null;
  readonly device_owner: string;
  readonly port_security_enabled: boolean;
  readonly fixed_ips: readonly string[];
  /** Its own QoS policy, and that of its network. */
  readonly qos_policy_id: string | null;
  readonly qos_network_policy_id: string | null;
}
