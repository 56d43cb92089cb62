// What the Open vSwitch agent costs on one host with many ports: wiring all of them from cold, beginning again, and one port more. Open vSwitch runs in
// user space, and the server is a small one in this process, so that only the agent and the switch are measured.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/openvswitch.ts [ports] [more] [noop|openvswitch]
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixHub } from '../../src/adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type FakePort, FakeServer, uuid } from '../../src/agent/l2/fake-server.suite.ts';
import { innermost } from '../../src/main/sandbox/proc.ts';
import { Lab } from '../interop/agents/lab.ts';
import type { Job } from '../system/job.ts';
import { markdown, ms, percentile } from './statistics.ts';

const count = Number(process.argv[2] ?? 200);
const more = Number(process.argv[3] ?? 20);
const firewall = process.argv[4] ?? 'noop';
const portsPerNetwork = 20;
const host = 'ovs1';
/** A folder for a processor profile of each life of the agent. */
const profile = process.env['WEFT_PERF_PROFILE'];

await using stack = new AsyncDisposableStack();
const folder = mkdtempSync(join(tmpdir(), 'weft-perf-'));
stack.defer(() => rmSync(folder, { recursive: true, force: true }));
const hub = stack.use(await UnixHub.listen(join(folder, 'bus'), { clock: systemClock, log: textLog({ sink: { write() {} } }) }));
const server = stack.use(await FakeServer.open(hub.bus, id => id));
server.ends.set(host, '192.0.2.1').set('far', '192.0.2.2');
const lab = stack.use(await Lab.open('weft-perf', ['openvswitch']));
const file = join(folder, 'agent.ini');
writeFileSync(
  file,
  `[DEFAULT]\nhost = ${host}\n[agent]\ntunnel_types = vxlan\nl2_population = true\n[securitygroup]\nfirewall_driver = ${firewall}\n` +
    '[ovs]\nlocal_ip = 192.0.2.1\ndatapath_type = netdev\novsdb_connection = unix:/run/openvswitch/db.sock\novsdb_timeout = 120\n',
);

/** What every project begins with: its members may talk to each other, and to everybody. */
const group = server.group(
  1,
  ['IPv4', 'IPv6'].flatMap(ethertype => [
    { direction: 'egress', ethertype },
    { direction: 'ingress', ethertype, remote_group_id: uuid(0xcc, 1) },
  ]),
);
const portOf = (n: number): FakePort =>
  server.port(n, server.network(Math.floor(n / portsPerNetwork)), { host, ips: [`10.0.${n >> 8}.${n & 255}`], groups: [group] });
const plugArgv = (p: FakePort): string[] => {
  const tap = `tap${p.id.slice(0, 11)}`;
  return ['--', 'add-port', 'br-int', tap, '--', 'set', 'Interface', tap, 'type=internal', `external_ids:iface-id=${p.id}`];
};
const plug = (...ports: readonly FakePort[]): Promise<string> => lab.on(host, 'ovs-vsctl', '--timeout=120', ...ports.flatMap(plugArgv));

function start(): Job {
  const prefix = profile ? ['env', `NODE_OPTIONS=--cpu-prof --cpu-prof-dir=${profile}`] : [];
  const weft = join(import.meta.dirname, '../../bin/weft');
  return lab.spawn(host, [...prefix, weft, 'agent', 'openvswitch', '--bus-socket', join(folder, 'bus'), '--config-file', file]);
}

/** Processor time of a process, in seconds. */
function spent(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function until(what: string, look: () => boolean, everyMs = 5): Promise<void> {
  for (const deadline = performance.now() + 60_000; !look(); await sleep(everyMs))
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}\n${agent?.output().slice(-2000)}`);
}

let agent: Job | undefined;
async function life(what: string): Promise<string[]> {
  const began = performance.now();
  const asked = server.heard.length;
  agent = start();
  const wired = (): number =>
    server.heard
      .slice(asked)
      .filter(h => h.method === 'update_device_list')
      .reduce((n, h) => n + (h.args['devices_up'] as string[]).length, 0);
  await until(what, () => wired() >= count, 20);
  const took = performance.now() - began;
  const cpu = spent(innermost(agent.child.pid!));
  return [what, ms(took), `${cpu.toFixed(1)} s`];
}

await lab.on(host, 'ovs-vsctl', 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail_mode=secure');
const ports = Array.from({ length: count }, (_, n) => portOf(n));
for (let i = 0; i < ports.length; i += 100) await plug(...ports.slice(i, i + 100));
const rows = [await life(`${count} ports from cold`)];
const flows = (await lab.on(host, 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', 'br-int')).split('\n').length;
agent!.kill(profile ? 'SIGTERM' : 'SIGKILL');
await agent!.done;
rows.push(await life(`the agent begins again with ${count} ports`));

const times: number[] = [];
/** Until ovs-vsctl comes back: what the switch itself takes for a port more. */
const plugs: number[] = [];
const before = spent(innermost(agent!.child.pid!));
for (let n = 0; n < more; n++) {
  const port = portOf(count + n);
  await server.memberUpdated(group);
  const began = performance.now();
  await plug(port);
  plugs.push(performance.now() - began);
  await until('one more', () => port.status === 'ACTIVE', 1);
  times.push(performance.now() - began);
}
const each = (spent(innermost(agent!.child.pid!)) - before) / more;
rows.push([
  `one port more, p50 / p95 of ${more}`,
  `${ms(percentile(times, 0.5))} / ${ms(percentile(times, 0.95))}`,
  `${each.toFixed(2)} s`,
]);
rows.push(['of it, `ovs-vsctl add-port` alone', `${ms(percentile(plugs, 0.5))} / ${ms(percentile(plugs, 0.95))}`, '']);
process.stdout.write(`${flows} flows on br-int\n\n${markdown([['', 'ms', 'processor time of the agent'], ...rows])}\n`);
agent!.kill(profile ? 'SIGTERM' : 'SIGKILL');
await agent!.done;
