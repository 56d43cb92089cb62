"""The flows that Neutron's openvswitch firewall programs for ports, as JSON lines; what is wanted comes as JSON on stdin."""
import json
import sys

from neutron.conf.agent import common as agent_common
from neutron.conf.agent import securitygroups_rpc
from neutron.conf.plugins.ml2.drivers import ovs_conf
from oslo_config import cfg

agent_common.register_root_helper(cfg.CONF)
securitygroups_rpc.register_securitygroups_opts()
ovs_conf.register_ovs_agent_opts()

from neutron.agent.linux.openvswitch_firewall import firewall  # noqa: E402

given = json.load(sys.stdin)
flows = []


class Port:
    def __init__(self, port):
        self.vif_mac = port['mac_address']
        self.ofport = port['ofport']
        self.port_name = port['device']


class Bridge:
    """Takes flows; knows ports."""
    is_hw_offload_enabled = False

    @property
    def br(self):
        return self

    def deferred(self, **_):
        return self

    def add_protocols(self, *_):
        pass

    def add_flow(self, flow_group_id=None, **flow):
        flows.append(flow)

    def delete_flows(self, **_):
        pass

    def get_vif_port_by_id(self, port_id):
        return next((Port(p) for p in given['ports'] if p['device'] == port_id), None)

    def get_vifs_by_ids(self, ids):
        return {i: self.get_vif_port_by_id(i) for i in ids}

    def db_get_val(self, *_):
        return {'tag': str(given['vlan']), 'network_type': 'vxlan', 'physical_network': None}

    def dump_flows_for_table(self, _):
        return ''


class Nothing:
    def __init__(self, *_):
        pass

    def __getattr__(self, _):
        return lambda *args, **kwargs: None


firewall.iptables.Helper = Nothing
firewall.ip_conntrack.OvsIpConntrackManager = Nothing

driver = firewall.OVSFirewallDriver(Bridge())
for group, rules in given['groups'].items():
    driver.update_security_group_rules(group, rules)
for group, members in given['members'].items():
    driver.update_security_group_members(
        group, {family: [tuple(m) for m in of] for family, of in members.items()})
for port in given['ports']:
    driver.prepare_port_filter(port)
driver.process_trusted_ports(given['trusted'])
for flow in flows:
    print(json.dumps(flow, default=str))
