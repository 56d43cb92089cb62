// What operators see of a host with Open vSwitch, with Weft's server and agent as processes told by files: an agent whose switch or database is away
// is dead, and says why; a log that is made by the API is written on the host.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../../src/contracts/free-port.ts';
import { type Instance, plug } from '../interop/agents/instances.ts';
import { Lab } from '../interop/agents/lab.ts';
import { patience } from '../interop/agents/needs.ts';
import { type Made, WeftServer } from '../interop/agents/server.ts';
import { until } from './job.ts';
import { noSandbox, noSwitch } from './need.ts';

const weft = join(import.meta.dirname, '../../bin/weft');
/** Seconds. */
const [REPORT, DOWN] = [2, 10];
const skip = noSandbox() || noSwitch();

describe('operators of a host with Open vSwitch', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-op-'));
  const packets = join(folder, 'packets.log');
  const agentLog = join(folder, 'agent.log');
  const stack = new AsyncDisposableStack();
  let lab: Lab;
  let server: WeftServer;
  let network: Made;

  const soon = (what: string, look: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> =>
    until(what, look, {
      withinMs: withinMs * patience,
      story: () => (existsSync(agentLog) ? readFileSync(agentLog, 'utf8').slice(-3000) : ''),
    });
  const agent = async (): Promise<{ alive: boolean; configurations: { problem?: string; extensions: string[] } }> =>
    (await server.list('agents?agent_type=Open%20vSwitch%20agent'))[0] as never;

  before(async () => {
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const conf = join(folder, 'weft.conf');
    writeFileSync(
      conf,
      `[DEFAULT]\nagent_down_time = ${DOWN}\n[ml2]\nmechanism_drivers = openvswitch\ntype_drivers = local,vxlan\n[ml2_type_vxlan]\nvni_ranges = 100:109\n`,
    );
    server = stack.use(new WeftServer(join(folder, 'weft'), await freePort(), [conf]));
    [lab] = await Promise.all([Lab.open('weft-op', ['openvswitch']), server.up()]);
    stack.use(lab);
    const file = join(folder, 'agent.ini');
    mkdirSync(join(folder, 'state'));
    const lines = {
      DEFAULT: [`host = ${lab.hosts[0]!.name}`, `state_path = ${folder}/state`, `log_file = ${agentLog}`],
      ovs: ['datapath_type = netdev', 'ovsdb_connection = unix:/run/openvswitch/db.sock', `local_ip = ${lab.hosts[0]!.address}`],
      agent: [`report_interval = ${REPORT}`, 'tunnel_types = vxlan', 'extensions = log'],
      weft: ['agent_metrics_listen = 127.0.0.1:9698'],
      network_log: [`local_output_log_base = ${packets}`],
    };
    writeFileSync(
      file,
      Object.entries(lines)
        .map(([name, list]) => [`[${name}]`, ...list, ''].join('\n'))
        .join('\n'),
    );
    lab.spawn(lab.hosts[0]!.name, [weft, 'agent', 'openvswitch', '--bus-socket', join(folder, 'weft/bus.sock'), '--config-file', file]);
    await soon('the agent is alive', async () => (await agent())?.alive);
    network = await server.make('networks', 'network', {});
    await server.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.6.0.0/24', enable_dhcp: false });
  });
  after(() => stack.disposeAsync());

  async function instance(): Promise<Instance> {
    const port = await server.make('ports', 'port', {
      ...{ network_id: network.id, 'binding:host_id': lab.hosts[0]!.name, device_owner: 'compute:nova', device_id: network.id },
    });
    const vm = await plug(lab, lab.hosts[0]!, port);
    await lab.on(vm.host.name, 'ip', '-n', vm.ns, 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
    await soon('the port is up', async () => (await server.list(`ports?id=${port.id}`))[0]?.status === 'ACTIVE');
    return vm;
  }
  const pings = async (vm: Instance, address: string): Promise<boolean> =>
    (await lab.attempt(vm.host.name, 'ip', 'netns', 'exec', vm.ns, 'ping', '-n', '-c1', '-W1', address)).code === 0;

  test('a log that is made by the API is written on the host: what was dropped first, what was accepted after a rule', async () => {
    const group = await server.make('security-groups', 'security_group', { name: 'logged' });
    const vms = [await instance(), await instance()] as const;
    await server.set(`ports/${vms[1].port.id}`, 'port', { security_groups: [group.id] });
    const log = await server.make('log/logs', 'log', { resource_type: 'security_group', resource_id: group.id });
    const told = (action: string): boolean => {
      const lines = existsSync(packets) ? readFileSync(packets, 'utf8').split('\n') : [];
      const words = [
        `action=${action} `,
        `project_id=${String(log['project_id'])} `,
        `log_resource_ids=['${log.id}'] `,
        `vm_port=${vms[1].port.id} `,
      ];
      return lines.some(line => [...words, `src='${vms[0].address}'`].every(word => line.includes(word)));
    };
    await soon('a drop is told', async () => !(await pings(vms[0], vms[1].address)) && told('DROP'));
    assert.equal(told('ACCEPT'), false);
    await server.make('security-group-rules', 'security_group_rule', {
      security_group_id: group.id,
      direction: 'ingress',
      protocol: 'icmp',
    });
    await soon('an accepted packet is told', async () => (await pings(vms[0], vms[1].address)) && told('ACCEPT'));
    await server.set(`log/logs/${log.id}`, 'log', { enabled: false });
    const flows = (): Promise<string> => lab.on(vms[0].host.name, 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', 'br-int');
    await soon('no flow of it is left', async () => !(await flows()).includes('controller('));
    assert.deepEqual((await agent()).configurations.extensions, ['log']);
  });

  test('counters of a port grow by what it sends, is sent and is denied, at the address of the metrics and in the command line', async () => {
    const group = await server.make('security-groups', 'security_group', { name: 'closed' });
    const [from, to] = [await instance(), await instance()] as const;
    await server.set(`ports/${to.port.id}`, 'port', { security_groups: [group.id] });
    const open = await server.make('security-groups', 'security_group', { name: 'open' });
    await server.make('security-group-rules', 'security_group_rule', {
      security_group_id: open.id,
      direction: 'ingress',
      protocol: 'icmp',
    });
    await server.set(`ports/${from.port.id}`, 'port', { security_groups: [open.id] });
    const url = 'http://127.0.0.1:9698/metrics';
    const stats = async (vm: Instance): Promise<Record<string, number>> => {
      const { stdout, code } = await lab.attempt(vm.host.name, weft, 'port', 'stats', vm.port.id, '--metrics', url, '--json');
      return code === 0 ? (JSON.parse(stdout) as [{ counters: Record<string, number> }])[0].counters : {};
    };
    const ping = (vm: Instance, address: string): Promise<unknown> =>
      lab.attempt(vm.host.name, 'ip', 'netns', 'exec', vm.ns, 'ping', '-n', '-c5', '-i0.2', '-W1', '-s', '1000', address);
    await soon('counters are there', async () => (await stats(to))['ingress_packets'] !== undefined);
    await soon('the group denies', async () => !(await pings(from, to.address)));
    const [sender, denied] = [await stats(from), await stats(to)];
    const grown = async (vm: Instance, what: string, before: Record<string, number>): Promise<number> =>
      ((await stats(vm))[what] ?? 0) - (before[what] ?? 0);
    await ping(from, to.address);
    assert.equal(await grown(to, 'firewall_dropped', denied), 5);
    assert.equal(await grown(from, 'firewall_dropped', sender), 0);
    await soon('what was sent is counted', async () => (await grown(from, 'egress_bytes', sender)) >= 5 * 1000);
    // The switch counts in its own time: what came before may come with it.
    assert.ok((await grown(to, 'ingress_bytes', denied)) < 5 * 1000, 'what was denied has not come');
    await ping(to, from.address);
    await soon('answers that came in are counted', async () => (await grown(to, 'ingress_bytes', denied)) >= 5 * 1000);
    const page = await lab.on(from.host.name, process.execPath, '-e', `fetch('${url}').then(r => r.text()).then(t => console.log(t))`);
    assert.match(page, /^weft_agent_reporting 1$/m);
    assert.match(page, /^weft_packets_logged_total [1-9]\d*$/m);
    const labels = `port_id="${to.port.id}",network_id="${network.id}",device="${to.tap}",direction="egress"`;
    assert.match(page, new RegExp(`^weft_port_bytes_total\\{${labels}\\} \\d+$`, 'm'));
  });

  for (const [program, start, words] of [
    ['ovs-vswitchd', 'startDaemon', /^ovs-vswitchd does not answer on br-int: /],
    ['ovsdb-server', 'startDatabase', /^Open vSwitch's database is away: /],
  ] as const)
    test(`${program} is stopped: the agent is dead within agent_down_time and says why; started again, it is alive`, async () => {
      const { name } = lab.hosts[0]!;
      assert.deepEqual([(await agent()).alive, (await agent()).configurations.problem], [true, undefined]);
      await lab.killSwitch(name, program);
      // A restart is waited for, for five seconds.
      await soon('it is dead', async () => !(await agent()).alive, (DOWN + REPORT + 5) * 1000);
      assert.match((await agent()).configurations.problem ?? '', words);
      assert.match(readFileSync(agentLog, 'utf8'), /the state is not reported any more/);
      await lab[start](name);
      await soon('it is alive again', async () => (await agent()).alive && (await agent()).configurations.problem === undefined, 40_000);
    });
});
