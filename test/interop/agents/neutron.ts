// Agents of Neutron's kinds on the hosts of a lab, Neutron's own or Weft's: their configuration as installation guides write it, their processes, and what they log.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Job, until } from '../../system/job.ts';
import type { Kind, Lab, LabHost } from './lab.ts';

export type Agent = 'linuxbridge' | 'openvswitch' | 'dhcp' | 'l3' | 'metadata';

type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

export interface AgentsOptions {
  readonly lab: Lab;
  /** Readable by daemons that give up their rights. */
  readonly folder: string;
  readonly transportUrl: string;
  readonly secret: string;
  readonly metadataPort: number;
  /** Weft's in the place of Neutron's. */
  readonly weft?: (host: LabHost, agent: Agent) => boolean;
  /** More options of an agent on a host. */
  readonly more?: (host: LabHost, agent: Agent) => Sections;
}

/** Links to `weft` under Neutron's names. */
const weftPrograms = join(import.meta.dirname, '../../../bin');
const privsep = ['privsep', 'privsep_dhcp_release', 'privsep_ovs_vsctl', 'privsep_namespace', 'privsep_conntrack', 'privsep_link'];

export class NeutronAgents {
  private readonly options: AgentsOptions;
  private readonly running = new Map<string, Job>();

  constructor(options: AgentsOptions) {
    this.options = options;
  }

  /** Starts an agent on a host; it ends with the lab at the latest. */
  start(host: LabHost, agent: Agent): void {
    const { lab, folder } = this.options;
    const config = this.configure(host, agent);
    const programs = this.options.weft?.(host, agent) ? weftPrograms : '/usr/bin';
    const argv = [`${programs}/neutron-${programOf(agent)}`, '--config-file', config, '--log-file', this.logFile(host.name, agent)];
    // The sockets of their privileged halves, too, are gone with the folder.
    const path = `PATH=${join(import.meta.dirname, 'programs')}:${process.env['PATH']}`;
    const env = ['env', `TMPDIR=${join(folder, host.name)}`, `HOSTNAME=${host.name}`, path];
    const noted = ['sh', '-c', 'echo $$ > "$0"; exec "$@"', this.pidFile(host.name, agent)];
    this.running.set(key(host.name, agent), lab.spawn(host.name, [...noted, ...env, ...argv]));
  }

  /** kill -9. */
  async kill(host: LabHost, agent: Agent): Promise<void> {
    const { lab } = this.options;
    this.running.delete(key(host.name, agent));
    // What it started for itself stays for a while, and holds its streams.
    const pid = readFileSync(this.pidFile(host.name, agent), 'utf8').trim();
    await lab.on(host.name, 'kill', '-9', pid);
    await until(`the ${agent} agent of ${host.name} is gone`, async () => (await lab.attempt(host.name, 'kill', '-0', pid)).code !== 0);
  }

  log(host: string, agent: Agent): string {
    try {
      return readFileSync(this.logFile(host, agent), 'utf8');
    } catch {
      return '';
    }
  }

  /** What the running agents have logged, by `HOST AGENT`. */
  logs(): Map<string, string> {
    const out = new Map<string, string>();
    for (const name of this.running.keys()) {
      const [host = '', agent = ''] = name.split(' ');
      out.set(name, this.log(host, agent as Agent));
    }
    return out;
  }

  /** What they print besides: what no log has caught. By `HOST AGENT, printed`. */
  outputs(): Map<string, string> {
    return new Map([...this.running].map(([name, job]) => [`${name}, printed`, job.output()]));
  }

  /** For a failure's message: the last words of each. */
  story(): string {
    return [...this.logs(), ...this.outputs()]
      .flatMap(([name, text]) => lastOf(text).map(line => `${name}: ${line.slice(0, 400)}`))
      .join('\n');
  }

  private pidFile(host: string, agent: Agent): string {
    return join(this.options.folder, host, `${agent}.pid`);
  }

  private logFile(host: string, agent: Agent): string {
    return join(this.options.folder, host, `${agent}.log`);
  }

  /** Writes its file, and answers where. */
  configure(host: LabHost, agent: Agent): string {
    const { folder, more } = this.options;
    const own = join(folder, host.name);
    mkdirSync(join(own, 'state'), { recursive: true });
    for (const path of [own, join(own, 'state')]) chmodSync(path, 0o755);
    const file = join(own, `${agent}.ini`);
    const all = [this.common(host, file), this.special(host, agent), more?.(host, agent) ?? {}];
    writeFileSync(file, asIni(all), { mode: 0o600 });
    return file;
  }

  private common(host: LabHost, file: string): Sections {
    const state = join(this.options.folder, host.name, 'state');
    return {
      DEFAULT: {
        transport_url: this.options.transportUrl,
        host: host.name,
        state_path: state,
        rpc_response_timeout: 20,
        debug: process.env['WEFT_TEST_DEBUG'] === '1',
      },
      agent: { root_helper: 'env', report_interval: 3 },
      oslo_concurrency: { lock_path: join(state, 'lock') },
      oslo_messaging_rabbit: { amqp_durable_queues: true },
      ...Object.fromEntries(privsep.map(name => [name, { helper_command: `env privsep-helper --config-file ${file}` }])),
    };
  }

  private special({ kind, address }: LabHost, agent: Agent): Sections {
    const { secret, metadataPort } = this.options;
    switch (agent) {
      case 'linuxbridge':
        return {
          agent: { extensions: 'qos' },
          linux_bridge: { physical_interface_mappings: 'public:eth1' },
          // Both kinds of host are to meet in one network.
          vxlan: { enable_vxlan: true, local_ip: address, l2_population: true, udp_dstport: 4789 },
          securitygroup: { firewall_driver: 'iptables' },
        };
      case 'openvswitch':
        return {
          agent: { tunnel_types: 'vxlan', l2_population: true, arp_responder: true, extensions: 'qos' },
          ovs: { ...switched, datapath_type: 'netdev', bridge_mappings: 'public:br-ex', local_ip: address },
          securitygroup: { firewall_driver: 'openvswitch' },
        };
      case 'dhcp':
        return { DEFAULT: { interface_driver: kind, enable_isolated_metadata: true, resync_interval: 3 }, ovs: netdev(kind) };
      case 'l3':
        return { DEFAULT: { interface_driver: kind }, agent: { extensions: 'port_forwarding,conntrack_helper' }, ovs: netdev(kind) };
      case 'metadata':
        return {
          DEFAULT: {
            nova_metadata_host: '127.0.0.1',
            nova_metadata_port: metadataPort,
            metadata_proxy_shared_secret: secret,
            metadata_workers: 0,
          },
        };
    }
  }
}

/** On a machine with much else to do. */
const switched = { ovsdb_timeout: 60 } as const;
const netdev = (kind: Kind): Sections[string] => (kind === 'openvswitch' ? { ...switched, datapath_type: 'netdev' } : {});

const key = (host: string, agent: Agent): string => `${host} ${agent}`;
const programOf = (agent: Agent): string => `${agent}-agent`;

const lastOf = (text: string): string[] => {
  const lines = text.split('\n').filter(line => line !== '');
  const bad = lines.filter(line => / (ERROR|CRITICAL) /.test(line)).slice(-12);
  return bad.length > 0 ? bad : lines.slice(-2);
};

/** Sections of the same name are one. */
function asIni(parts: readonly Sections[]): string {
  const names = new Set(parts.flatMap(part => Object.keys(part)));
  const text = [...names].map(name => {
    const options = Object.entries(Object.assign({}, ...parts.map(part => part[name] ?? {})) as Sections[string]);
    return [`[${name}]`, ...options.map(([option, value]) => `${option} = ${String(value)}`), ''].join('\n');
  });
  return text.join('\n');
}
