// The programs that Weft calls, the Debian packages that hold them, and how those packages get installed.
// Plain JavaScript: this runs before anything is installed, on whatever Node.js the machine has.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Package → programs, any of which missing means that the package is. A program is found by file, so other distributions count too. */
export const runPackages = {
  'dnsmasq-base': ['dnsmasq'],
  iproute2: ['ip', 'bridge', 'tc'],
  nftables: ['nft'],
  iptables: ['iptables-restore', 'ip6tables-restore'],
  ipset: ['ipset'],
  conntrack: ['conntrack'],
  haproxy: ['haproxy'],
  'iputils-ping': ['ping'],
  'iputils-arping': ['arping'],
  'isc-dhcp-client': ['dhclient'],
  radvd: ['radvd'],
  procps: ['ps'],
  'util-linux': ['unshare', 'nsenter'],
  mount: ['mount'],
  ethtool: ['ethtool'],
  curl: ['curl'],
};

/** Of hosts with Open vSwitch. */
export const switchPackages = {
  'openvswitch-switch': ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl'],
};

/** What `weft up` needs with these words behind it. */
export function upPackages(words) {
  const wanted = words.includes('--switch=openvswitch') || words[words.indexOf('--switch') + 1] === 'openvswitch';
  return wanted ? { ...runPackages, ...switchPackages } : runPackages;
}

/** What Weft is measured on and beside: `npm run bench`, `npm run bench:limits`. */
export const benchPackages = {
  'mariadb-server': ['mariadbd', 'mariadb-install-db'],
  // The server itself lies in a folder of its version.
  postgresql: ['pg_ctlcluster', 'psql'],
  'rabbitmq-server': ['rabbitmq-server'],
  ...switchPackages,
};

export const testPackages = {
  'python3-openstackclient': ['openstack'],
  python3: ['python3'],
  tcpdump: ['tcpdump'],
  // A web server of an instance.
  busybox: ['busybox'],
  // A small guest, for what this machine's kernel may lack.
  'qemu-system-x86': ['qemu-system-x86_64'],
  kmod: ['modprobe', 'depmod'],
  openssl: ['openssl'],
  'netcat-openbsd': ['nc'],
  udhcpc: ['udhcpc'],
  knot: ['knotd'],
  memcached: ['memcached'],
  'mariadb-server': benchPackages['mariadb-server'],
  postgresql: benchPackages.postgresql,
  'rabbitmq-server': benchPackages['rabbitmq-server'],
  systemd: ['systemd-analyze', 'systemd-notify'],
  'user-mode-linux': ['linux.uml'],
};

/** What `npm run conformance` and `npm run test:interop` need: Debian's Keystone, Neutron's server and its agents, and the suites that others wrote. Where there is no program, a file says that it is there. */
const python = '/usr/lib/python3/dist-packages';
export const conformancePackages = {
  keystone: ['keystone-manage'],
  'uwsgi-plugin-python3': ['uwsgi_python3'],
  tempest: ['tempest'],
  'neutron-tempest-plugin': [`${python}/neutron_tempest_plugin/__init__.py`],
  'galera-4': ['/usr/lib/galera/libgalera_smm.so'],
  rsync: ['rsync'],
  'neutron-common': ['neutron-server', 'neutron-db-manage'],
  'neutron-linuxbridge-agent': ['neutron-linuxbridge-agent'],
  'neutron-dhcp-agent': ['neutron-dhcp-agent'],
  'neutron-l3-agent': ['neutron-l3-agent'],
  'neutron-metadata-agent': ['neutron-metadata-agent'],
  'neutron-openvswitch-agent': ['neutron-openvswitch-agent'],
  ...switchPackages,
  keepalived: ['keepalived'],
  'nova-api': ['nova-manage', 'nova-api-wsgi'],
  'glance-api': ['glance-manage', 'glance-wsgi-api'],
  'python3-fixtures': [`${python}/fixtures/__init__.py`],
  'python3-placement': ['placement-api', 'placement-manage'],
  'python3-ddt': [`${python}/ddt.py`],
  'python3-oslo.messaging': [`${python}/oslo_messaging/__init__.py`],
  'python3-oslo.middleware': [`${python}/oslo_middleware/__init__.py`],
  'python3-oslotest': [`${python}/oslotest/__init__.py`],
  'python3-platformdirs': [`${python}/platformdirs/__init__.py`],
  'python3-psutil': [`${python}/psutil/__init__.py`],
  'python3-testscenarios': [`${python}/testscenarios/__init__.py`],
  'python3-testtools': [`${python}/testtools/__init__.py`],
  'python3-typing-extensions': [`${python}/typing_extensions.py`],
};

/** Services that these packages would start at boot although Weft runs the programs itself. */
const services = {
  haproxy: 'haproxy',
  radvd: 'radvd',
  knot: 'knot',
  memcached: 'memcached',
  keystone: 'keystone',
  'mariadb-server': 'mariadb',
  postgresql: 'postgresql',
  'rabbitmq-server': 'rabbitmq-server',
  'neutron-linuxbridge-agent': 'neutron-linuxbridge-agent',
  'neutron-dhcp-agent': 'neutron-dhcp-agent',
  'neutron-l3-agent': 'neutron-l3-agent',
  'neutron-metadata-agent': 'neutron-metadata-agent',
  'neutron-openvswitch-agent': 'neutron-openvswitch-agent',
  'openvswitch-switch': 'openvswitch-switch',
  keepalived: 'keepalived',
  'nova-api': 'nova-api nova-api-metadata',
  'glance-api': 'glance-api',
};

/** Where programs are looked for: an ordinary user's PATH often lacks the sbin folders. */
export function programFolders(path) {
  return [...new Set([...path.split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'])].filter(folder => folder !== '');
}

/** The packages of which a program is missing. */
export function missingPackages(packages, folders) {
  const there = program => (program.startsWith('/') ? existsSync(program) : folders.some(folder => existsSync(join(folder, program))));
  return Object.keys(packages).filter(name => !packages[name].every(there));
}

/** What to do about missing packages: install them, or the words for the person who has to. */
export function installPlan({ missing, packages, isDebian, isRoot }) {
  if (missing.length === 0) return { kind: 'nothing' };
  if (!isDebian) {
    const lines = missing.map(name => `  ${packages[name].join(', ')}   (Debian package: ${name})`);
    return {
      kind: 'tell',
      text: `This machine has no apt-get. Please install what provides these programs, then start again:\n${lines.join('\n')}`,
    };
  }
  if (!isRoot) {
    const line = `sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}'`;
    return {
      kind: 'tell',
      text: `Some Debian packages are missing, and installing them needs root. Please run this line, then start again:\n  ${line}`,
    };
  }
  return { kind: 'install', packages: missing };
}

const policyFile = '/usr/sbin/policy-rc.d';
const policyMark = '# written by weft while it installs packages: no service is started';

/** Keeps a package's daemon from being started by its installation; the answer undoes that. A policy of somebody else stays. */
export function forbidServices(file = policyFile) {
  const ours = () => existsSync(file) && readFileSync(file, 'utf8').includes(policyMark);
  if (!existsSync(file) || ours()) writeFileSync(file, `#!/bin/sh\n${policyMark}\nexit 101\n`, { mode: 0o755 });
  return () => {
    if (ours()) rmSync(file, { force: true });
  };
}

/**
 * Installs packages with apt-get. `run(title, argv, env)` runs one step with a progress line and throws an Error with the
 * command's last words; `tryRun(argv)` runs one whose failure does not matter.
 */
export function installPackages(names, { run, tryRun, policy = policyFile }) {
  const env = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
  const wait = ['-o', 'DPkg::Lock::Timeout=120'];
  run('reading the package lists (apt-get update)', ['apt-get', ...wait, '-qq', 'update'], env);
  const allow = forbidServices(policy);
  try {
    const argv = ['apt-get', ...wait, '-qq', '-y', '--no-install-recommends', 'install', ...names];
    run(`installing ${names.join(' ')}`, argv, env);
  } finally {
    allow();
  }
  const units = names.filter(name => name in services).flatMap(name => services[name].split(' '));
  if (units.length > 0) tryRun(['systemctl', '--quiet', 'disable', ...units]);
}
