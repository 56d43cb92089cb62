// Run in namespaces of its own: a real neutron-server with Debian's Linux bridge and DHCP agents and two instances that ping each other; then
// its database is imported and Weft's server takes its place, on the same broker under the same host name. A line of JSON per finding.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Made } from '../api/client.ts';
import { start, until } from '../api/harness.ts';
import { databaseAt } from '../api/open-database.ts';
import { begin } from './import/run.ts';
import { agentNames, configureAgents, say, startAgent } from './neutron-agents-host.ts';
import { NeutronServer, transportUrlOf } from './neutron-server.ts';
import { Rabbit } from './rabbit.ts';

const patience = 180_000;
const serverName = 'neutron-server';
const folder = mkdtempSync(join(tmpdir(), 'weft-replacement-'));
const ip = (...words: readonly string[]): string => execFileSync('ip', words, { encoding: 'utf8' });

/** What Nova does: a tap by the name of the port in the network's bridge, with an instance behind it. */
async function boot(api: Api, network_id: string, name: string): Promise<Made> {
  const about = { network_id, name, device_owner: 'compute:nova', device_id: name, 'binding:host_id': 'node-1' };
  const port = await api.make('ports', 'port', about);
  const tap = `tap${port.id.slice(0, 11)}`;
  ip('netns', 'add', name);
  ip('link', 'add', tap, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('-n', name, 'link', 'set', 'eth0', 'address', String(port['mac_address']));
  ip('-n', name, 'addr', 'add', `${addressOf(port)}/24`, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  const bridge = `brq${network_id.slice(0, 11)}`;
  // Made by whoever comes first, Nova's os-vif or the agent.
  spawnSync('ip', ['link', 'add', bridge, 'type', 'bridge'], { stdio: 'ignore' });
  ip('link', 'set', bridge, 'up');
  ip('link', 'set', tap, 'master', bridge, 'up');
  await until(`${name} is ACTIVE`, async () => (await api.list(`ports?id=${port.id}&status=ACTIVE`))[0], patience);
  return port;
}

const addressOf = (port: Made): string => (port['fixed_ips'] as { ip_address: string }[])[0]!.ip_address;

const reaches = (from: string, to: string): boolean =>
  spawnSync('ip', ['netns', 'exec', from, 'ping', '-c', '1', '-W', '1', to], { stdio: 'ignore' }).status === 0;

/** What a person would look at. */
function explain(error: unknown): never {
  const looks = [
    'ip -d link',
    'bridge fdb',
    'ip -n one neigh',
    'ip -n one addr',
    'ebtables-nft -L',
    'ebtables-nft -t nat -L',
    'iptables -S',
    'nft list ruleset',
  ];
  for (const look of looks) {
    const [program = '', ...words] = look.split(' ');
    process.stderr.write(`$ ${look}\n${spawnSync(program, words, { encoding: 'utf8' }).stdout}\n`);
  }
  throw error;
}

/** Ten numbered packets each second, until it is ended; answers how many of how many came back. */
function pinging(from: string, to: string): () => Promise<{ sent: number; lost: number }> {
  const log = join(folder, 'ping.log');
  const child = spawn('ip', ['netns', 'exec', from, 'ping', '-i', '0.1', '-W', '1', to], {
    stdio: ['ignore', openSync(log, 'w'), 'inherit'],
  });
  const ended = new Promise(resolve => child.once('close', resolve));
  return async () => {
    child.kill('SIGINT');
    await ended;
    const [, sent = '0', received = '0'] = /(\d+) packets transmitted, (\d+) received/.exec(readFileSync(log, 'utf8')) ?? [];
    // The last may be on its way when it ends.
    return { sent: Number(sent), lost: Math.max(0, Number(sent) - Number(received) - 1) };
  };
}

/** The DHCP port of a new network, once the agents have made, plugged and reported it. */
async function dhcpPort(api: Api, cidr: string): Promise<{ network: Made; port: Made }> {
  const network = await api.make('networks', 'network', { 'provider:network_type': 'local' });
  await api.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr });
  const look = async () => (await api.list(`ports?network_id=${network.id}&device_owner=network:dhcp&status=ACTIVE`))[0];
  return { network, port: await until('a DHCP port that is ACTIVE', look, patience) };
}

const agentsAlive = (api: Api) => async (): Promise<unknown[] | false> => {
  const listed = await api.list('agents');
  return listed.length === 2 && listed.every(a => a['alive']) && listed.map(a => [a['agent_type'], a.id]).sort();
};

async function replace(rabbit: Rabbit): Promise<void> {
  const transportUrl = transportUrlOf(rabbit);
  const config = configureAgents(folder, transportUrl);
  await using neutron = await NeutronServer.start({ transportUrl, settings: { DEFAULT: { host: serverName } } });
  const agents = agentNames.map(name => startAgent(folder, name, config));
  try {
    const before = await until('both agents have reported', agentsAlive(neutron.api), patience);
    const { network, port: served } = await dhcpPort(neutron.api, '10.1.0.0/24');
    const [one, two] = [await boot(neutron.api, network.id, 'one'), await boot(neutron.api, network.id, 'two')];
    await until('the instances reach each other', async () => reaches('one', addressOf(two)), 60_000).catch(explain);
    const stopPing = pinging('one', addressOf(two));
    await neutron.down();
    const connection = `sqlite:///${join(folder, 'weft.db')}`;
    const imported = await begin(['--from', neutron.databaseUrl, '--connection', connection]).done;
    say('import', imported.status === 0 ? 0 : imported.text);
    await using h = await start({
      database: databaseAt(connection),
      messaging: { transportUrl, controlExchange: 'neutron', host: serverName, rabbit: {} },
    });
    const since = Date.now();
    const reported = async (): Promise<boolean> =>
      (await h.admin.list('agents')).every(a => Date.parse(`${String(a['heartbeat_timestamp']).replace(' ', 'T')}Z`) > since);
    await until('both agents report to Weft', reported, patience);
    say('the same agents', JSON.stringify(await agentsAlive(h.admin)()) === JSON.stringify(before));
    // An agent that finds its server new asks for everything again: it is given time to do harm.
    await sleep(10_000);
    const states = async (): Promise<unknown> =>
      Promise.all([one, two, served].map(async p => (await h.admin.list(`ports?id=${p.id}`))[0]?.['status']));
    await until('ports are ACTIVE', async () => JSON.stringify(await states()) === '["ACTIVE","ACTIVE","ACTIVE"]', patience);
    say('ports', await states());
    const { port: fresh } = await dhcpPort(h.admin, '10.2.0.0/24');
    say('DHCP port of a new network', [fresh['binding:host_id'], fresh['binding:vif_type']]);
    const { sent, lost } = await stopPing();
    say('packets', sent > 100 ? { lost } : { sent, lost });
    process.stderr.write(`replacement: ${sent} packets, ${lost} lost\n`);
  } finally {
    for (const one of agents) one.kill('SIGKILL');
  }
}

ip('link', 'set', 'lo', 'up');
// The Linux bridge agent calls itself by the MAC of a device.
ip('link', 'add', 'phys0', 'type', 'veth', 'peer', 'name', 'phys1');
ip('link', 'set', 'phys0', 'up');
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
// It looks for taps there.
execFileSync('mount', ['-t', 'sysfs', 'sysfs', '/sys']);
try {
  await using rabbit = await Rabbit.start();
  await replace(rabbit);
} catch (error) {
  say('failed', String(error));
  for (const name of agentNames)
    process.stderr.write(`${name}\n${execFileSync('tail', ['-n', '40', join(folder, `${name}.log`)], { encoding: 'utf8' })}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
