// Run in namespaces of its own: a RabbitMQ, a Weft server, and Debian's real Neutron agents on it. A line of JSON per finding, then it ends.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessagingConfig } from '../../src/server/context.ts';
import { type Harness, start, until } from '../api/harness.ts';
import { agentNames, configureAgents, say, startAgent } from './neutron-agents-host.ts';
import { Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const patience = 90_000;
const folder = mkdtempSync(join(tmpdir(), 'weft-neutron-'));

/** The DHCP port of a new network, once the agents have made, plugged and reported it. */
async function dhcpPort(h: Harness, cidr: string): Promise<unknown> {
  const { id } = await h.admin.make('networks', 'network', { 'provider:network_type': 'local' });
  await h.admin.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr });
  const look = async () => (await h.admin.list(`ports?network_id=${id}&device_owner=network:dhcp&status=ACTIVE`))[0];
  const port = await until('a DHCP port that is ACTIVE', look, patience);
  return [port['binding:host_id'], port['binding:vif_type']];
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
// The Linux bridge agent calls itself by the MAC of a device.
execFileSync('ip', ['link', 'add', 'phys0', 'type', 'veth', 'peer', 'name', 'phys1']);
execFileSync('ip', ['link', 'set', 'phys0', 'up']);
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
// It looks for taps there.
execFileSync('mount', ['-t', 'sysfs', 'sysfs', '/sys']);
const rabbit = await Rabbit.start({ vhosts: 1 });
const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
const messaging: MessagingConfig = {
  transportUrl: url,
  controlExchange: 'neutron',
  host: 'net-1',
  rabbit: { amqp_durable_queues: 'true' },
};
const h = await start({ messaging });
const config = configureAgents(folder, url, { oslo_messaging_rabbit: { amqp_durable_queues: true } });
const agents = agentNames.map(name => startAgent(folder, name, config));
try {
  const alive = await until(
    'both agents have reported',
    async () => {
      const listed = await h.admin.list('agents?alive=true');
      return listed.length === 2 && listed.map(one => one['agent_type']).sort();
    },
    patience,
  );
  say('agents', alive);
  say('DHCP port', await dhcpPort(h, '10.1.0.0/24'));
  await rabbit.kill();
  await rabbit.up();
  say('DHCP port after the broker was killed', await dhcpPort(h, '10.2.0.0/24'));
} catch (error) {
  const logs = agents.map((_, i) => ['neutron-linuxbridge-agent', 'neutron-dhcp-agent'][i]).map(name => join(folder, `${name}.log`));
  say('failed', `${String(error)}\n${logs.map(log => execFileSync('grep', ['-v', '^$', log], { encoding: 'utf8' })).join('\n')}`);
} finally {
  for (const one of agents) one.kill('SIGKILL');
  await h[Symbol.asyncDispose]();
  await rabbit[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
