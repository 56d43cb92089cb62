import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { AgentConfig } from '../../../agent/context.ts';
import { configOf, readProgram } from '../program.ts';
import { programs } from '../programs.ts';
import { amqpOptions } from '../rabbit.ts';
import { agentProgramOf } from './programs.ts';
import { type AgentKind, agentConfigOf } from './settings.ts';

interface Read {
  readonly config: AgentConfig;
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
  readonly settings: ReturnType<typeof configOf<typeof agentProgramOf.dhcp.defaults>>;
}

function read(kind: AgentKind, ...texts: readonly string[]): Read {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  try {
    const sources = texts.map((text, i) => {
      writeFileSync(join(folder, `${i}.conf`), text);
      return { kind: 'file', path: join(folder, `${i}.conf`) } as const;
    });
    const reading = readProgram(agentProgramOf[kind], sources, { others: programs });
    const settings = configOf(reading);
    return { ...reading, settings, config: agentConfigOf(settings, { host: 'here', isRoot: true }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('without files: what Neutron has as defaults', () => {
  const { config, warnings, notes } = read('dhcp');
  const state = '/var/lib/neutron';
  assert.deepEqual([warnings, notes], [[], []]);
  assert.deepEqual(config, {
    host: 'here',
    statePath: state,
    reportIntervalMs: 30_000,
    availabilityZone: 'nova',
    logHeartbeats: false,
    answer: { firstMs: 60_000, longestMs: 600_000 },
    proxyUser: { user: 'nobody', group: 'nogroup' },
    linuxbridge: { interfaceMappings: {}, bridgeMappings: {}, firewallDriver: 'iptables', qos: { kernelHz: 250, latencyMs: 50 } },
    openvswitch: {
      connection: 'tcp:127.0.0.1:6640',
      timeoutMs: 10_000,
      probeMs: 10_000,
      integrationBridge: 'br-int',
      tunnelBridge: 'br-tun',
      intPatch: 'patch-tun',
      tunPatch: 'patch-int',
      bridgeMappings: {},
      datapathType: 'system',
      vhostuserDir: '/var/run/openvswitch',
      macTableSize: 50_000,
      igmpSnooping: false,
      firewall: 'openvswitch',
      permittedEthertypes: [],
      resources: {
        resource_provider_bandwidths: {},
        resource_provider_inventory_defaults: { allocation_ratio: 1, min_unit: 1, step_size: 1, reserved: 0 },
        resource_provider_packet_processing_without_direction: {},
        resource_provider_packet_processing_with_direction: {},
        resource_provider_packet_processing_inventory_defaults: { allocation_ratio: 1, min_unit: 1, step_size: 1, reserved: 0 },
        resource_provider_hypervisors: {},
      },
    },
    dhcp: {
      dnsDomain: 'openstacklocal',
      leaseSeconds: 86_400,
      dnsServers: [],
      enableIsolatedMetadata: false,
      forceMetadata: false,
      folder: `${state}/dhcp`,
      leaseMax: 2 ** 24,
      localResolv: false,
      broadcastReply: false,
      interfaceDriver: { kind: 'linuxbridge' },
      dropUser: true,
    },
    l3: {
      enableMetadataProxy: true,
      metadataPort: 9697,
      handleInternalOnlyRouters: true,
      advertise: { least: 30, most: 100 },
      interfaceDriver: { kind: 'linuxbridge' },
      dropUser: true,
    },
    metadata: {
      socket: `${state}/metadata_proxy`,
      mode: 'deduce',
      backend: { kind: 'nova', url: 'http://127.0.0.1:8775', secret: '', tls: { insecure: false } },
    },
  });
});

test('the Open vSwitch agent: what its files say, and what cannot be', () => {
  const files =
    '[ovs]\nlocal_ip = 192.0.2.1\nbridge_mappings = public:br-ex\novsdb_connection = unix:/run/openvswitch/db.sock\ndatapath_type = netdev\novsdb_timeout = 60\n' +
    'of_listen_port = 6644\n[agent]\ntunnel_types = vxlan,geneve\nl2_population = true\narp_responder = yes\nextensions = qos, log\ndscp_inherit = true\n' +
    '[network_log]\nrate_limit = 200\nlocal_output_log_base = /var/log/packets.log\n[securitygroup]\nfirewall_driver = neutron.agent.firewall.NoopFirewallDriver\n';
  const { config, warnings, notes } = read('openvswitch', files);
  assert.deepEqual(warnings, ['[agent] extensions: log has no effect without firewall_driver = openvswitch']);
  assert.equal(notes.length, 1);
  assert.match(notes.join(), /of_listen_port.*management sockets/);
  assert.deepEqual(config.extensions, ['qos', 'log']);
  assert.deepEqual(config.packetLog, { rate: 200, burst: 25, file: '/var/log/packets.log' });
  const { tunnels, ...rest } = config.openvswitch!;
  assert.deepEqual(tunnels, {
    types: ['vxlan', 'geneve'],
    localIp: '192.0.2.1',
    l2population: true,
    arpResponder: true,
    vxlanPort: 4789,
    dontFragment: true,
    checksum: false,
    dscp: 'inherit',
  });
  assert.deepEqual(
    [rest.connection, rest.bridgeMappings, rest.datapathType, rest.timeoutMs, rest.firewall],
    ['unix:/run/openvswitch/db.sock', { public: 'br-ex' }, 'netdev', 60_000, 'noop'],
  );
  assert.equal(read('openvswitch', '[securitygroup]\nenable_security_group = false\n').config.openvswitch?.firewall, 'noop');
  for (const name of ['iptables_hybrid', 'iptables', 'neutron.agent.linux.iptables_firewall.OVSHybridIptablesFirewallDriver'])
    assert.equal(read('openvswitch', `[securitygroup]\nfirewall_driver = ${name}\n`).config.openvswitch?.firewall, 'iptables_hybrid', name);
  const bad: [string, RegExp][] = [
    ['[agent]\ntunnel_types = vxlan\n', /local_ip is missing/],
    ['[agent]\nl2_population = true\n', /there are no tunnel_types/],
    ['[agent]\ntunnel_types = stt\n', /tunnel_types/],
    ['[securitygroup]\nfirewall_driver = ipchains\n', /'openvswitch', 'iptables_hybrid' or 'noop' is wanted/],
    ['[agent]\nenable_distributed_routing = true\n', /there are no distributed routers yet/],
    ['[ovs]\novsdb_connection = 127.0.0.1:6640\n', /unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT is wanted/],
    ['[ovs]\novsdb_connection = ssl:127.0.0.1:6640\n', /needs ssl_key_file/],
    ['[ovs]\nbridge_mappings = a:br-int\n', /a bridge is named twice/],
    ['[ovs]\nresource_provider_bandwidths = br-x:1:1\n', /br-x is no bridge of bridge_mappings/],
    ['[ovs]\nresource_provider_bandwidths = br-x:1\n', /a name and 2 numbers/],
    ['[ovs]\nresource_provider_bandwidths = br-x:1:-1\n', /not negative/],
    ['[ovs]\nresource_provider_bandwidths = br-x,br-x:1:1\n', /two values for "br-x"/],
    [
      '[ovs]\nresource_provider_packet_processing_with_direction = :1:1\nresource_provider_packet_processing_without_direction = :1\n',
      /not both/,
    ],
    ['[DEFAULT]\nhost = h1\n[ovs]\nresource_provider_packet_processing_without_direction = :1,h1:2\n', /two values for this host, h1/],
    ['[ovs]\nresource_provider_inventory_defaults = colour:1\n', /colour is none of/],
    ['[ovs]\nresource_provider_inventory_defaults = min_unit:0.5\n', /min_unit: a number/],
  ];
  for (const [text, why] of bad) assert.throws(() => read('openvswitch', text), why, text);
});

test('what a host can guarantee, as its agent reports it', () => {
  const report = (text: string) =>
    read('openvswitch', `[DEFAULT]\nhost = h1\n[ovs]\nbridge_mappings = a:br-a,b:br-b\n${text}`).config.openvswitch?.resources;
  const inventory = { allocation_ratio: 1, min_unit: 1, step_size: 1, reserved: 0 };
  const none = {
    resource_provider_bandwidths: {},
    resource_provider_inventory_defaults: inventory,
    resource_provider_packet_processing_without_direction: {},
    resource_provider_packet_processing_with_direction: {},
    resource_provider_packet_processing_inventory_defaults: inventory,
  };
  const { resource_provider_hypervisors: hypervisors, ...rest } = report('')!;
  assert.deepEqual(rest, none);
  assert.deepEqual(Object.keys(hypervisors), ['br-a', 'br-b']);
  assert.deepEqual(
    report(
      'resource_provider_bandwidths = br-a:1000:2000,br-b::5\nresource_provider_hypervisors = br-b:other\n' +
        'resource_provider_default_hypervisor = this.example\nresource_provider_packet_processing_without_direction = :7,x:8\n' +
        'resource_provider_inventory_defaults = allocation_ratio:1.5,max_unit:9\n',
    ),
    {
      ...none,
      resource_provider_bandwidths: { 'br-a': { egress: 1000, ingress: 2000 }, 'br-b': { egress: null, ingress: 5 } },
      resource_provider_inventory_defaults: { allocation_ratio: 1.5, max_unit: 9 },
      resource_provider_packet_processing_without_direction: { h1: { any: 7 }, x: { any: 8 } },
      resource_provider_hypervisors: { 'br-a': 'this.example', 'br-b': 'other' },
    },
  );
  assert.deepEqual(
    report('resource_provider_packet_processing_with_direction = :1:2\n')?.resource_provider_packet_processing_with_direction,
    {
      h1: { egress: 1, ingress: 2 },
    },
  );
});

test("the files of the installation guides, where one neutron.conf is the server's and all agents'", () => {
  const common =
    '[DEFAULT]\ncore_plugin = ml2\nservice_plugins = router\ntransport_url = rabbit://openstack:geheim@controller\nstate_path = /srv/neutron\nhost = node-1\n' +
    'auth_strategy = keystone\ndhcp_lease_duration = -1\n[agent]\nreport_interval = 10\nroot_helper = sudo\n[database]\nconnection = mysql+pymysql://n:geheim@db/n\n' +
    '[oslo_messaging_rabbit]\namqp_durable_queues = true\n[oslo_concurrency]\nlock_path = /srv/neutron/tmp\n';
  const bridge = read(
    'linuxbridge',
    common,
    '[linux_bridge]\nphysical_interface_mappings = provider:eth1\n[vxlan]\nenable_vxlan = true\nlocal_ip = 10.0.0.31\nl2_population = true\n' +
      '[securitygroup]\nenable_security_group = true\nfirewall_driver = neutron.agent.linux.iptables_firewall.IptablesFirewallDriver\n',
  );
  assert.deepEqual(bridge.warnings, []);
  assert.deepEqual(bridge.config.linuxbridge, {
    interfaceMappings: { provider: 'eth1' },
    bridgeMappings: {},
    vxlan: { localIp: '10.0.0.31', group: '224.0.0.1', groups: [], l2population: true, arpResponder: false, udpPort: 8472, packets: {} },
    firewallDriver: 'iptables',
    qos: { kernelHz: 250, latencyMs: 50 },
  });
  assert.deepEqual([bridge.config.host, bridge.config.reportIntervalMs], ['node-1', 10_000]);
  assert.equal(amqpOptions(bridge.settings.messaging).durableQueues, true);

  const dhcp = read('dhcp', common, '[DEFAULT]\ninterface_driver = linuxbridge\nenable_isolated_metadata = true\n');
  assert.deepEqual(dhcp.warnings, []);
  const { folder, leaseSeconds, enableIsolatedMetadata } = dhcp.config.dhcp!;
  assert.deepEqual([folder, leaseSeconds, enableIsolatedMetadata], ['/srv/neutron/dhcp', -1, true]);

  const l3 = read('l3', common, '[DEFAULT]\ninterface_driver = linuxbridge\nmin_rtr_adv_interval = 3\nmax_rtr_adv_interval = 4\n');
  assert.deepEqual(l3.warnings, []);
  assert.deepEqual([l3.config.l3?.advertise, l3.config.l3?.raFolder], [{ least: 3, most: 4 }, '/srv/neutron/ra']);

  const secret = 'metadata_proxy_shared_secret = METADATA_SECRET\nnova_metadata_host = controller\nmetadata_proxy_user = neutron\n';
  const metadata = read('metadata', common, `[DEFAULT]\n${secret}nova_metadata_protocol = https\nauth_ca_cert = /etc/ca.pem\n`);
  assert.deepEqual(metadata.warnings, []);
  assert.deepEqual(metadata.config.metadata, {
    socket: '/srv/neutron/metadata_proxy',
    mode: 'deduce',
    backend: {
      kind: 'nova',
      url: 'https://controller:8775',
      secret: 'METADATA_SECRET',
      tls: { caFile: '/etc/ca.pem', insecure: false },
    },
  });
  assert.deepEqual(metadata.config.proxyUser, { user: 'neutron', group: 'nogroup' });
});

test('the interface driver by its name or its class, and the switch that it plugs into', () => {
  const driver = (kind: 'dhcp' | 'l3', text: string): unknown => read(kind, text).config[kind]?.interfaceDriver;
  const ovs = {
    kind: 'openvswitch',
    bridge: 'br-int',
    useVeth: false,
    datapathType: 'system',
    connection: 'tcp:127.0.0.1:6640',
    timeoutMs: 10_000,
  };
  assert.deepEqual(driver('dhcp', ''), { kind: 'linuxbridge' });
  assert.deepEqual(driver('l3', '[DEFAULT]\ninterface_driver = neutron.agent.linux.interface.NullDriver\n'), { kind: 'null' });
  assert.deepEqual(driver('dhcp', '[DEFAULT]\ninterface_driver = neutron.agent.linux.interface.OVSInterfaceDriver\n'), ovs);
  assert.deepEqual(
    driver(
      'l3',
      '[DEFAULT]\ninterface_driver = openvswitch\novs_use_veth = true\n[OVS]\novs_integration_bridge = br-x\ndatapath_type = netdev\novsdb_connection = unix:/run/ovs.sock\n',
    ),
    { ...ovs, bridge: 'br-x', useVeth: true, datapathType: 'netdev', connection: 'unix:/run/ovs.sock' },
  );
});

test('no security groups on this machine; VXLAN needs an address of its own', () => {
  const guards = (text: string): unknown => read('linuxbridge', text).config.linuxbridge?.firewallDriver;
  assert.equal(guards('[securitygroup]\nfirewall_driver = noop'), 'noop');
  assert.equal(guards('[securitygroup]\nenable_security_group = false'), 'noop');
  assert.equal(guards('[securitygroup]\nfirewall_driver = iptables'), 'iptables');
  assert.equal(guards('[securitygroup]\nfirewall_driver = nftables'), 'nftables');
  const tunnels = (text: string): unknown => read('linuxbridge', `[vxlan]\n${text}`).config.linuxbridge?.vxlan;
  assert.equal(tunnels('enable_vxlan = false\nlocal_ip = 10.0.0.1'), undefined);
  assert.equal(tunnels(''), undefined);
  assert.ok(tunnels('local_ip = fd00::1\nudp_dstport = 4789\nvxlan_group = ff05::/16'));
  // Where the server tells all, nobody is asked by multicast, and there need be no group of the right family.
  assert.ok(tunnels('local_ip = fd00::1\nl2_population = true'));
  assert.ok(tunnels('local_ip = fd00::1\nl2_population = true\nvxlan_group ='));
});

test('what packets of VXLAN have, by the order in which Neutron looks', () => {
  const packets = (text: string): unknown =>
    read('linuxbridge', `[vxlan]\nlocal_ip = 10.0.0.1\n${text}`).config.linuxbridge?.vxlan?.packets;
  assert.deepEqual(packets(''), {});
  assert.deepEqual(packets('ttl = 0\ntos = 0\nudp_srcport_max = 0'), {});
  assert.deepEqual(packets('ttl = 9\nudp_srcport_min = 40000\nudp_srcport_max = 40999'), { ttl: 9, sourcePorts: [40_000, 40_999] });
  assert.deepEqual(packets('[agent]\ndscp = 46'), { tos: 0xb8 });
  assert.deepEqual(packets('[agent]\ndscp = 46\ndscp_inherit = true'), { tos: 'inherit' });
  assert.deepEqual(packets('tos = 16\n[agent]\ndscp = 46\ndscp_inherit = true'), { tos: 16 });
  const groups = read('linuxbridge', '[vxlan]\nlocal_ip = 10.0.0.1\nmulticast_ranges = 224.0.0.10:10:90,239.1.0.0/16:1000:1999').config
    .linuxbridge;
  assert.deepEqual(groups?.vxlan?.groups, [
    { group: '224.0.0.10', low: 10, high: 90 },
    { group: '239.1.0.0/16', low: 1000, high: 1999 },
  ]);
});

test('what cannot be had, and what cannot be, stops the agent', () => {
  for (const [kind, text, why] of [
    ['dhcp', '[DEFAULT]\ninterface_driver = ivs', /'linuxbridge', 'openvswitch' or 'null' is wanted/],
    ['l3', '[DEFAULT]\ninterface_driver = openvswitch\n[ovs]\novsdb_connection = ssl:127.0.0.1:6640', /needs ssl_key_file/],
    ['l3', '[DEFAULT]\nagent_mode = dvr_snat', /centralised routers alone/],
    ['l3', '[DEFAULT]\ncleanup_on_shutdown = true', /outlives it/],
    ['l3', '[DEFAULT]\nmin_rtr_adv_interval = 200', /more than max_rtr_adv_interval/],
    ['dhcp', '[DEFAULT]\nenable_metadata_network = true', /no such networks/],
    ['dhcp', '[DEFAULT]\ndnsmasq_dns_servers = one.example', /addresses of name servers/],
    ['dhcp', '[DEFAULT]\nstate_path = var', /an absolute path/],
    ['linuxbridge', '[securitygroup]\nfirewall_driver = openvswitch', /'iptables', 'nftables' or 'noop'/],
    ['linuxbridge', '[linux_bridge]\nphysical_interface_mappings = provider', /physnet1:eth1/],
    ['linuxbridge', '[linux_bridge]\nphysical_interface_mappings = provider:a/b', /a device is wanted/],
    ['linuxbridge', '[vxlan]\nl2_population = true', /local_ip is missing/],
    ['linuxbridge', '[vxlan]\nlocal_ip = eth0', /an address of this machine/],
    ['linuxbridge', '[vxlan]\nmulticast_ranges = 224.0.0.10:90:10', /239\.1\.1\.1:100:199/],
    ['linuxbridge', '[vxlan]\nmulticast_ranges = 10.0.0.10:10:90', /a multicast address with two numbers/],
    ['linuxbridge', '[vxlan]\nmulticast_ranges = 224.0.0.10:10', /a multicast address with two numbers/],
    ['linuxbridge', '[vxlan]\nvxlan_group = 10.0.0.0/8', /a multicast address, or a network/],
    ['linuxbridge', '[vxlan]\nlocal_ip = fd00::1', /224\.0\.0\.1 and local_ip fd00::1 are not of the same IP version/],
    ['linuxbridge', '[vxlan]\nlocal_ip = 10.0.0.1\nmulticast_ranges = ff05::1:1:9', /ff05::1 and local_ip/],
    ['linuxbridge', '[vxlan]\nlocal_ip = 10.0.0.1\nvxlan_group =', /need a vxlan_group/],
    ['linuxbridge', '[vxlan]\nudp_srcport_min = 9', /udp_srcport_min is more than/],
    ['metadata', '[DEFAULT]\nnova_client_cert = /a', /nova_client_priv_key/],
    ['metadata', '[DEFAULT]\nnova_metadata_host = a b', /an address or a name/],
    ['metadata', '[DEFAULT]\ntransport_url = http://x', /transport_url/],
    ['metadata', '[agent]\nreport_interval = 0', /a number from 1/],
  ] as const)
    assert.throws(() => read(kind, text), why, `${kind}: ${text}`);
});

test('options without effect are named with the reason, and names that nobody knows', () => {
  const { notes, warnings } = read('l3', '[DEFAULT]\nha_vrrp_advert_int = 3\nmetadata_portt = 1\novs_integration_bridge = br0\n');
  assert.match(notes.join('\n'), /ha_vrrp_advert_int has no effect here, because HA routers are left alone/);
  assert.match(notes.join('\n'), /ovs_integration_bridge has no effect here, because \[ovs\] integration_bridge says it/);
  assert.deepEqual(warnings.length, 1);
  assert.match(warnings[0] ?? '', /metadata_portt is not known/);
});

test('an agent warns of what is wanted of its log and is not done', () => {
  const { warnings, notes } = read(
    'l3',
    '[DEFAULT]\nuse_syslog = true\nlog_date_format = %s\nlogging_context_format_string = x\nuse_journal = false\n',
  );
  assert.deepEqual(notes, []);
  assert.deepEqual(
    warnings.map(text => /\] (\w+) has no effect here/.exec(text)?.[1]),
    ['use_syslog', 'log_date_format', 'logging_context_format_string'],
  );
});

test('extensions that an agent does not have are named', () => {
  const warnings = (kind: AgentKind, extensions: string): readonly string[] => read(kind, `[agent]\nextensions = ${extensions}\n`).warnings;
  assert.deepEqual(warnings('openvswitch', 'qos,log'), []);
  assert.deepEqual(warnings('openvswitch', 'fwaas_v2,qos'), ['[agent] extensions: this agent has no fwaas_v2, only log and qos']);
  assert.deepEqual(warnings('linuxbridge', 'qos,log'), ['[agent] extensions: this agent has no log, only qos']);
});

test('in [ovs] of agents that plug into Open vSwitch a wrong name is a warning, and for others it is nothing', () => {
  const said = (kind: AgentKind): Read => read(kind, '[ovs]\novsdb_conection = unix:/x\n');
  for (const kind of ['openvswitch', 'dhcp', 'l3'] as const)
    assert.match(said(kind).warnings.join(), /did you mean ovsdb_connection\?$/, kind);
  for (const kind of ['linuxbridge', 'metadata'] as const) assert.deepEqual([said(kind).warnings, said(kind).notes], [[], []], kind);
});
