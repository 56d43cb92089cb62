// Debian's Linux bridge and DHCP agents on one host: a program that runs them in namespaces of its own and prints what it finds, and their file.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { optionFile, type Sections } from './neutron-server.ts';

export const agentNames = ['neutron-linuxbridge-agent', 'neutron-dhcp-agent'] as const;

const missing = agentNames.filter(name => !existsSync(`/usr/bin/${name}`));
export const noNeutronAgents: string | false = missing.length > 0 && `no ${missing.join(', ')} here`;

/** Runs a program of this folder; answers its lines, which it writes with `say`. */
export async function findingsOf(program: string): Promise<(readonly [finding: string, value: unknown])[]> {
  const inside = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, program)];
  const child = spawn('unshare', [...inside, ...node], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await new Promise(resolve => child.once('close', resolve));
  const lines = output.trim().split('\n');
  return lines.map(line => {
    const { finding, value } = JSON.parse(line) as { finding: string; value: unknown };
    return [finding, value] as const;
  });
}

export const say = (finding: string, value: unknown): boolean => process.stdout.write(`${JSON.stringify({ finding, value })}\n`);

/** Writes the agents' file below `folder`, where their state is, too. */
export function configureAgents(folder: string, transportUrl: string, more: Sections = {}): string {
  const file = join(folder, 'agents.conf');
  const state = join(folder, 'state');
  mkdirSync(state);
  const privsep = ['privsep', 'privsep_dhcp_release', 'privsep_ovs_vsctl', 'privsep_namespace', 'privsep_conntrack', 'privsep_link'];
  const sections: Sections = {
    DEFAULT: {
      transport_url: transportUrl,
      host: 'node-1',
      state_path: state,
      interface_driver: 'linuxbridge',
      rpc_response_timeout: 10,
    },
    agent: { root_helper: 'env', report_interval: 2 },
    oslo_concurrency: { lock_path: state },
    linux_bridge: { physical_interface_mappings: 'physnet1:phys0' },
    vxlan: { enable_vxlan: false },
    securitygroup: { firewall_driver: 'noop' },
    ...Object.fromEntries(privsep.map(name => [name, { helper_command: `env privsep-helper --config-file ${file}` }])),
    ...more,
  };
  writeFileSync(file, optionFile(sections));
  return file;
}

export function startAgent(folder: string, name: string, config: string): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), 'w');
  return spawn(`/usr/bin/${name}`, ['--config-file', config], {
    stdio: ['ignore', log, log],
    // The sockets of their privileged halves, too, are gone with the folder.
    env: { ...process.env, TMPDIR: folder },
  });
}
