import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { defaultConfig } from '../../server/context.ts';
import { optionName } from './option.ts';
import { amqpOptions } from './rabbit.ts';
import { readServerOptions, type ServerSettings, serverProgram } from './server-options.ts';

function read(...texts: readonly string[]): ServerSettings {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  try {
    const files = texts.map((text, i) => {
      const file = join(folder, `${i}.conf`);
      writeFileSync(file, text);
      return file;
    });
    return readServerOptions(files.map(path => ({ kind: 'file', path })));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

test('options by their names in Neutron, of several files the last', () => {
  const { config, warnings } = read(
    '[DEFAULT]\npagination_max_limit = 1000\nno_such = ml2\n[oslo_middleware]\nenable_proxy_headers_parsing = True\n',
    '[DEFAULT]\npagination_max_limit = infinite\nglobal_physnet_mtu = 9000\n[cors]\nallowed_origin = https://a.example, https://b.example\n' +
      '[quotas]\nquota_port = -1\n[ml2_type_vlan]\nnetwork_vlan_ranges = p1:100:200, p2, p1:300:400\n[ml2_type_vxlan]\nvni_ranges = 1:10,20:30\n',
  );
  assert.deepEqual(config, {
    ...defaultConfig,
    messaging: config.messaging,
    paginationMaxLimit: 0,
    mtu: { ...defaultConfig.mtu, global_physnet_mtu: 9000 },
    proxy: { enabled: true, linkPrefix: '' },
    cors: { ...defaultConfig.cors, allowedOrigin: ['https://a.example', 'https://b.example'] },
    quotas: { port: -1 },
    vlanRanges: {
      p1: [
        [100, 200],
        [300, 400],
      ],
      p2: [],
    },
    vniRanges: [
      [1, 10],
      [20, 30],
    ],
  });
  assert.equal(warnings.length, 1);
  assert.match(String(warnings[0]), /0\.conf:3: \[DEFAULT\] no_such is not known and has no effect$/);
});

test('plug-ins: what there is none of is named, as options are', () => {
  const { config, warnings } = read(
    '[DEFAULT]\nservice_plugins = router, vpnaas\n',
    '[DEFAULT]\nservice_plugins = router,qos,firewall_v2\n',
  );
  assert.deepEqual(config.servicePlugins, ['router', 'qos', 'firewall_v2']);
  assert.deepEqual(warnings, ['[DEFAULT] service_plugins: firewall_v2 is not known and has no effect']);
});

test('values that cannot be are refused with their place', () => {
  for (const text of [
    '[DEFAULT]\npagination_max_limit = many',
    '[oslo_middleware]\nenable_proxy_headers_parsing = maybe',
    '[oslo_middleware]\nmax_request_body_size = 12',
    '[ml2_type_vxlan]\nvni_ranges = 10:1',
    '[ml2_type_vlan]\nnetwork_vlan_ranges = p1:100',
    '[ml2_type_vlan]\nnetwork_vlan_ranges = p1:1:4095',
    '[ml2_type_vlan]\nnetwork_vlan_ranges = p1, :1:9',
    '[ml2_type_vxlan]\nvni_ranges = 1:16777216',
    '[ml2_type_geneve]\nvni_ranges = 1:16777216',
    '[ml2]\nphysical_network_mtus = 1500',
    '[ml2]\noverlay_ip_version = 5',
    '[ml2]\ntype_drivers = vxlan, token-ring',
    '[ml2]\ntenant_network_types = token-ring',
    '[ml2]\nexternal_network_type = token-ring',
    '[DEFAULT]\nbase_mac = fa:16:3e',
    '[DEFAULT]\nbase_mac = 01:00:5e:00:00:00',
    '[DEFAULT]\nl3_ha_net_cidr = 169.254.192.0',
    '[DEFAULT]\nl3_ha_net_cidr = fe80::/64',
    '[DEFAULT]\ndns_domain = a b',
    '[DEFAULT]\nnetwork_link_prefix = example',
    '[rfc2136]\nkey_name = a b',
    '[rfc2136]\nzones = a..b',
  ])
    assert.throws(() => read(text), { message: /0\.conf:2: \w+ = .* wanted$/ }, text);
});

test('policy files are found beside the file that names them; each policy_dirs adds one; the command line counts more', () => {
  const { config } = read('[oslo_policy]\npolicy_file = p.yaml\npolicy_dirs = more\npolicy_dirs = /etc/more\nenforce_scope = false\n');
  const { file = '', dirs = [], enforceScope, enforceNewDefaults } = config.policy;
  assert.match(file, /^\/.*\/weft-config-[^/]+\/p\.yaml$/);
  assert.deepEqual(dirs, [file.replace('p.yaml', 'more'), '/etc/more']);
  assert.deepEqual([enforceScope, enforceNewDefaults], [false, true]);
  assert.equal(readServerOptions([], { policyFile: '/etc/mine.yaml' }).config.policy.file, '/etc/mine.yaml');
});

test('an external DNS, and the other tunnels', () => {
  const dns =
    'external_dns_driver = rfc2136\n[rfc2136]\nserver = 192.0.2.53\nkey_name = weft\nkey_secret = aHVzaA==\nzones = pub.example, x.example.\nkey_algorithm = hmac-sha512\n';
  const { externalDns } = read(`[DEFAULT]\n${dns}ipv6_ptr_zone_prefix_size = 48`).config;
  assert.deepEqual([externalDns.driver, externalDns.host, externalDns.zones], ['rfc2136', '192.0.2.53', ['pub.example.', 'x.example.']]);
  assert.deepEqual([externalDns.keyAlgorithm, externalDns.reverse], ['hmac-sha512', { ipv4: 24, ipv6: 48 }]);
  assert.equal(read('[rfc2136]\nallow_reverse_dns_lookup = false').config.externalDns.reverse, undefined);
  const wrong = [
    '[DEFAULT]\nexternal_dns_driver = designate',
    '[rfc2136]\nipv4_ptr_zone_prefix_size = 20',
    '[rfc2136]\nkey_algorithm = hmac-md5',
  ];
  for (const text of wrong) assert.throws(() => read(text), /wanted/, text);
  const tunnels = '[ml2_type_gre]\ntunnel_id_ranges = 1:4294967295\n[ml2_type_geneve]\nvni_ranges = 1:9\nmax_header_size = 38\n';
  const { config } = read(`${tunnels}[ml2]\nexternal_network_type = flat\nphysical_network_mtus = p1:9000\noverlay_ip_version = 6`);
  assert.deepEqual([config.greRanges, config.geneveRanges, config.geneveHeader], [[[1, 4_294_967_295]], [[1, 9]], 38]);
  assert.deepEqual(
    [config.externalNetworkType, config.mtu.physical_network_mtus, config.mtu.overlay_ip_version],
    ['flat', { p1: 9000 }, 6],
  );
});

test('a value that cannot be is told, but not a secret', () => {
  for (const secret of ['hush hush', 'A', '='])
    assert.throws(() => read(`[rfc2136]\nkey_secret = ${secret}`), { message: /0\.conf:2: key_secret = \*\*\*: .* wanted$/ }, secret);
  assert.equal(read('[rfc2136]\nkey_secret = aHVzaA==').config.externalDns.keySecret, 'aHVzaA==');
});

test('an external DNS without what its updates need is refused', () => {
  const driver = '[DEFAULT]\nexternal_dns_driver = rfc2136\n[rfc2136]\n';
  assert.throws(() => read(`${driver}key_secret = aHVzaA==`), { message: /^external_dns_driver = rfc2136 needs key_name, zones/ });
  assert.throws(() => read(driver), { message: /needs key_name, key_secret, zones/ });
});

test('a file that cannot be read is named, as is a folder', () => {
  const named = (kind: 'file' | 'dir', path: string) => () => readServerOptions([{ kind, path }]);
  assert.throws(named('file', '/nowhere/x.conf'), { message: /^\/nowhere\/x\.conf cannot be read: ENOENT/ });
  assert.throws(named('file', '/'), { message: /^\/ cannot be read: EISDIR/ });
  assert.throws(named('dir', '/nowhere'), { message: /^\/nowhere cannot be read: ENOENT/ });
});

test('everything that is wrong is told at once', () => {
  const error = thrown(() => read('[DEFAULT]\nmax_routes = many\njust words\n[ml2]\npath_mtu = -1\n[quotas]\nquota_port = x\n'));
  assert.deepEqual(
    error.message.split('\n').map(line => line.replace(/\S*0\.conf/, 'F')),
    [
      'the configuration is wrong:',
      '  F:3: neither "[section]" nor "name = value"',
      '  F:7: quota_port = x: a number from -1 to 2147483647 is wanted',
      '  F:2: max_routes = many: a number from 0 to 1000 is wanted',
      '  F:5: path_mtu = -1: a number from 0 to 65535 is wanted',
    ],
  );
});

test('the defaults of the tables are those of the server, and everything has a help of one phrase', () => {
  const { config } = readServerOptions([]);
  assert.deepEqual({ ...config, messaging: { ...config.messaging, host: '' } }, defaultConfig);
  const names = serverProgram.options.map(optionName);
  assert.equal(new Set(names.map(name => name.toLowerCase())).size, names.length);
  assert.deepEqual(
    serverProgram.options
      .filter(({ help, effect }) => (help === '' && typeof effect === 'function') || help.endsWith('.') || help.includes('|'))
      .map(optionName),
    [],
  );
});

test('the URL of a database that cannot be is refused without being told', () => {
  assert.throws(
    () => read('[database]\nconnection = oracle://weft:geheim@db/weft\n'),
    /0\.conf:2: connection = oracle:\/\/weft:\*\*\*@db\/weft: the database's URL is of an unknown kind, oracle/,
  );
  const { database } = read('[database]\nconnection = mysql+pymysql://weft:geheim@db1,db2/weft\nmax_pool_size = 3\n').config;
  assert.deepEqual([database.connection, database.max_pool_size], ['mysql+pymysql://weft:geheim@db1,db2/weft', 3]);
});

test('a message broker: hosts of the URL, options of the section, and those of the URL count more', () => {
  const { config, warnings } = read(
    '[DEFAULT]\ntransport_url = rabbit://weft:geheim@a:1,weft:geheim@b/net?ssl=1&heartbeat_timeout_threshold=30\nhost = net-1\n' +
      '[oslo_messaging_rabbit]\namqp_durable_queues = true\nheartbeat_timeout_threshold = 10\nssl_ca_file = /ca.pem\nkombu_reconnect_delay = 0.5\n',
  );
  assert.deepEqual(warnings, []);
  const { hosts, virtualHost, durableQueues, heartbeatSeconds, tls, reconnectDelay, quorumQueue } = amqpOptions(config.messaging);
  assert.deepEqual(
    hosts.map(({ host, port }) => [host, port]),
    [
      ['a', 1],
      ['b', 5672],
    ],
  );
  assert.deepEqual([virtualHost, durableQueues, heartbeatSeconds, reconnectDelay, quorumQueue], ['net', true, 30, 0.5, false]);
  assert.deepEqual(tls, { caFile: '/ca.pem', certFile: '', keyFile: '', verifyHost: true });
  assert.equal(config.messaging.host, 'net-1');
});

test('what is wrong with a message broker is told with its place, and without its password', () => {
  for (const text of [
    '[DEFAULT]\ntransport_url = kafka://weft:geheim@a',
    '[DEFAULT]\ntransport_url = rabbit://weft:geheim@a:x/',
    '[DEFAULT]\ntransport_url = rabbit://weft:geheim@a/?ssl=perhaps',
    '[DEFAULT]\ntransport_url = rabbit://weft:geheim@a/?no_such=1',
    '[DEFAULT]\ntransport_url = rabbit://weft:geheim@a/?__proto__=1',
  ])
    assert.throws(
      () => read(text),
      error =>
        error instanceof Error &&
        /0\.conf:2: transport_url = \w+:\/\/weft:\*\*\*@a.*: .* wanted/.test(error.message) &&
        !error.message.includes('geheim'),
      text,
    );
  for (const option of [
    'rabbit_retry_interval = 0',
    'amqp_auto_delete = perhaps',
    'kombu_reconnect_delay = -1',
    'rabbit_login_method = DIGEST',
  ])
    assert.throws(() => read(`[oslo_messaging_rabbit]\n${option}`), { message: /0\.conf:2: \w+ = .* wanted$/ }, option);
  const both = '[DEFAULT]\ntransport_url = rabbit://a\n[oslo_messaging_rabbit]\nrabbit_quorum_queue = 1\nrabbit_ha_queues = 1';
  assert.throws(() => read(both), { message: /^rabbit_quorum_queue or rabbit_ha_queues is wanted/ });
});

test('agents that do not guard ports are said to the server, too', () => {
  assert.equal(read('').config.guardsPorts, true);
  assert.equal(read('[securitygroup]\nenable_security_group = false').config.guardsPorts, false);
});

test('notifications: drivers add up, older names are known; drivers that send need a broker', () => {
  const section = '[oslo_messaging_notifications]\n';
  const { config } = read(`${section}driver = log\ndriver = messagingv2\ntopics = a, b\nretry = 3\ntransport_url = rabbit://u:p@h/`);
  assert.deepEqual(config.notifications, {
    drivers: ['log', 'messagingv2'],
    topics: ['a', 'b'],
    retry: 3,
    transportUrl: 'rabbit://u:p@h/',
    kept: 100_000,
  });
  assert.equal(read('[weft]\nnotifications_kept = 5').config.notifications.kept, 5);
  assert.throws(() => read('[weft]\nnotifications_kept = -1'), { message: /notifications_kept/ });
  assert.deepEqual(read('[DEFAULT]\nnotification_driver = noop\nnotification_topics = x').config.notifications, {
    ...defaultConfig.notifications,
    drivers: ['noop'],
    topics: ['x'],
  });
  for (const text of [
    `${section}driver = routing`,
    `${section}driver = messagingv2`,
    `${section}driver = messaging\ntransport_url = rabbit://u:geheim@h/\ntopics =`,
    `${section}retry = -2`,
    `${section}driver = messagingv2\ntransport_url = kafka://u:geheim@h/`,
  ])
    assert.throws(
      () => read(text),
      error => error instanceof Error && /wanted|needs|rabbit/.test(error.message) && !error.message.includes('geheim'),
      text,
    );
});

test('Nova: an account as keystoneauth names it, whole or refused, and no secret is told', () => {
  const text =
    '[nova]\nauth_url = https://key.example/v3\nauth_type = password\nuser_name = nova\npassword = ge$$heim\nproject_name = service\n';
  const { config, warnings, notes } = read(
    `${text}user_domain_name = Default\nregion_name = One\nendpoint_type = internal\ninsecure = true\nlive_migration_events = false\n`,
    '[DEFAULT]\nsend_events_interval = 5\nnotify_nova_on_port_data_changes = false\n',
  );
  const { account, ...told } = config.nova;
  assert.deepEqual(told, { status: true, data: false, interval: 5 });
  assert.deepEqual(
    [account.auth_url, account.username, account.password, account.user_domain_name, account.endpoint_type, account.insecure],
    ['https://key.example/v3', 'nova', 'ge$heim', 'Default', 'internal', true],
  );
  assert.match(String(warnings), /user_name is an older name of \[nova\] username/);
  assert.match(String(notes), /live_migration_events has no effect here, because it always does/);
  assert.throws(() => read('[nova]\nauth_url = http://k\nusername = u\n'), {
    message: /^auth_type = password needs password, project_name or project_id or system_scope in \[nova\]$/,
  });
  for (const wrong of ['auth_url = http://u:geheim@k', 'auth_url = ftp://k', 'endpoint_type = secret', 'auth_type = v3token']) {
    const { message } = thrown(() => read(`[nova]\n${wrong}\n`));
    assert.match(message, /wanted/);
    assert.doesNotMatch(message, /geheim/);
  }
});

test('messages: compression, one version of TLS; what all that use a broker would have to agree on is refused', () => {
  const url = '[DEFAULT]\ntransport_url = rabbit://u:p@h/\n[oslo_messaging_rabbit]\n';
  const { compression, tls } = amqpOptions(read(`${url}kombu_compression = zlib\nssl = true\nssl_version = TLSv1_2`).config.messaging);
  assert.deepEqual([compression, tls?.version], ['gzip', 'TLSv1.2']);
  assert.equal(amqpOptions(read(url).config.messaging).compression, '');
  for (const text of ['rabbit_stream_fanout = true', 'use_queue_manager = true', 'kombu_compression = bzip2', 'ssl_version = SSLv3'])
    assert.throws(() => read(`${url}${text}`), /0\.conf:4: .* wanted/, text);
  assert.equal(read('[DEFAULT]\nrpc_ping_enabled = true').config.messaging.ping, true);
});

test('a Keystone: whose account, what is believed for how long, memcached; no secret is told', () => {
  const text = '[keystone_authtoken]\nauth_url = http://controller:5000\nusername = neutron\npassword = ge$$heim\nproject_name = service\n';
  const more =
    'auth_type = password\nproject_domain_name = Default\nuser_domain_name = Default\nwww_authenticate_uri = http://public:5000\n';
  const { keystone, warnings } = read(
    `${text}${more}memcached_servers = controller:11211, inet6:[::1]\ntoken_cache_time = 300\nservice_token_roles_required = true\n`,
  );
  assert.deepEqual([warnings, keystone.account.password, keystone.authUri], [[], 'ge$heim', 'http://public:5000']);
  assert.deepEqual([keystone.memcached, keystone.cacheSeconds], [['controller:11211', '[::1]:11211'], 300]);
  assert.deepEqual([keystone.serviceRoles, keystone.serviceRolesRequired], [['service'], true]);
  assert.equal(read('').keystone.account.auth_url, '');
  for (const [wrong, why] of [
    [`${text}memcached_servers = a b`, /memcached_servers = a b: servers such as/],
    [`${text}delay_auth_decision = true`, /delay_auth_decision/],
    ['[keystone_authtoken]\nauth_url = http://k\nusername = n\npassword = geheim', /project_name/],
    ['[keystone_authtoken]\nauth_url = http://u:geheim@k', /wanted/],
  ] as const) {
    const { message } = thrown(() => read(wrong));
    assert.match(message, why);
    assert.doesNotMatch(message, /heim/);
  }
});

test('who wants the log elsewhere, or in another form, is warned that it is not; what is so anyway is not told', () => {
  const wanted = [
    'use_syslog = true',
    'use_journal = true',
    'log_config_append = l.ini',
    'log_date_format = %s',
    'logging_context_format_string = x',
  ];
  const { warnings, notes } = read(`[DEFAULT]\n${wanted.join('\n')}`);
  assert.deepEqual(notes, []);
  for (const line of wanted)
    assert.ok(
      warnings.some(text => text.includes(`] ${line.split(' ')[0]} has no effect here, because`)),
      line,
    );
  assert.equal(warnings.length, wanted.length);
  assert.deepEqual(read('[DEFAULT]\nuse_syslog = false\nlog_date_format = %Y-%m-%d %H:%M:%S').warnings, []);
});
