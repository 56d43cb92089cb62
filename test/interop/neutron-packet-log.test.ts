// Debian's neutron-server with logs, and on one host Debian's Open vSwitch agent and then Weft's: both write the same lines of the same packets.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Body } from '../api/client.ts';
import { until } from '../system/job.ts';
import { type Instance, plug } from './agents/instances.ts';
import { Lab } from './agents/lab.ts';
import { noAgents, patience } from './agents/needs.ts';
import { NeutronAgents } from './agents/neutron.ts';
import { relayTo } from './agents/relay.ts';
import type { Made } from './agents/server.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { Rabbit } from './rabbit.ts';

describe('logged packets beside Neutron', { skip: noAgents || noNeutronServer, timeout: 590_000 * patience, concurrency: 1 }, () => {
  const stack = new AsyncDisposableStack();
  let folder: string;
  let lab: Lab;
  let neutron: NeutronServer;
  let agents: NeutronAgents;
  let ours = false;
  let log: Made;
  let [from, to]: Instance[] = [];

  const wait = (what: string, look: () => Promise<boolean>): Promise<void> =>
    until(what, look, { withinMs: 90_000 * patience, everyMs: 200, story: () => agents.story() });
  const make = (path: string, name: string, attributes: Body): Promise<Made> => neutron.api.make(path, name, attributes);
  const file = (): string => join(folder, ours ? 'weft.log' : 'neutron.log');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-nlog-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const rabbit = stack.use(await Rabbit.start());
    const transportUrl = transportUrlOf(rabbit);
    neutron = stack.use(
      await NeutronServer.start({
        transportUrl,
        mechanismDrivers: ['openvswitch', 'l2population'],
        servicePlugins: ['router', 'log'],
        settings: { oslo_messaging_rabbit: { amqp_durable_queues: true } },
      }),
    );
    lab = stack.use(await Lab.open('weft-nlog', ['openvswitch']));
    await relayTo(lab, folder, rabbit.port, stack);
    agents = new NeutronAgents({
      ...{ lab, folder, transportUrl, secret: '', metadataPort: 0 },
      weft: () => ours,
      more: () => ({
        agent: { extensions: 'log' },
        ovs: { bridge_mappings: 'physnet1:br-ex' },
        network_log: { local_output_log_base: file() },
      }),
    });
    agents.start(lab.hosts[0]!, 'openvswitch');
    await wait('the agent is alive', async () => (await neutron.api.listOnce('agents?alive=true')).length === 1);
    const network = await make('networks', 'network', {});
    await make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.8.0.0/24', enable_dhcp: false });
    const group = await make('security-groups', 'security_group', { name: 'logged' });
    const http = { direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 80 };
    await make('security-group-rules', 'security_group_rule', { security_group_id: group.id, ...http });
    for (const groups of [undefined, [group.id]]) {
      const owner = { device_owner: 'compute:nova', device_id: crypto.randomUUID(), 'binding:host_id': lab.hosts[0]!.name };
      const port = await make('ports', 'port', { network_id: network.id, ...owner, ...(groups ? { security_groups: groups } : {}) });
      const vm = await plug(lab, lab.hosts[0]!, port);
      await lab.on(vm.host.name, 'ip', '-n', vm.ns, 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
      [from, to] = [to, vm];
    }
    for (const vm of [from, to])
      await wait('the port is ACTIVE', async () => (await neutron.api.listOnce(`ports?id=${vm!.port.id}`))[0]?.status === 'ACTIVE');
    log = await make('log/logs', 'log', { resource_type: 'security_group', resource_id: group.id });
  });
  after(() => stack.disposeAsync());

  /** A connection to each port, until both are told of; what varies from packet to packet is out of the line. */
  async function lines(): Promise<string[]> {
    const found = (action: string, port: number): string | undefined =>
      (existsSync(file()) ? readFileSync(file(), 'utf8') : '')
        .split('\n')
        .find(l => l.includes(`action=${action} `) && l.includes(`dst_port=${port},`));
    const tried = [
      ['ACCEPT', 80],
      ['DROP', 81],
    ] as const;
    await wait('both are told', async () => {
      for (const [, port] of tried)
        await lab.attempt(from!.host.name, 'ip', 'netns', 'exec', from!.ns, 'busybox', 'nc', '-w', '1', to!.address, String(port));
      return tried.every(([action, port]) => found(action, port) !== undefined);
    });
    return tried.map(([action, port]) =>
      found(action, port)!
        .replace(/^\S+ \S+ \d+ /, '')
        .replaceAll(/\b(csum|identification|seq|src_port|ts_val|ts_ecr)=\d+/g, '$1=N'),
    );
  }

  test('the lines of both agents are the same', async () => {
    const theirs = await lines();
    await agents.kill(lab.hosts[0]!, 'openvswitch');
    ours = true;
    agents.start(lab.hosts[0]!, 'openvswitch');
    const written = await lines();
    assert.deepEqual(written, theirs);
    for (const line of written) assert.ok(line.includes(`log_resource_ids=['${log.id}'] vm_port=${to!.port.id} pkt=ethernet(`), line);
  });
});
