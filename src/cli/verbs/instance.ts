// weft instance create, list, exec, delete; weft plug: stand-ins for VMs, and what exists already, on ports.
import { readFileSync } from 'node:fs';
import { control, type InstanceView, type NewInstance, type NewPlug, type StatusView } from '../control.ts';
import { type Call, count, Failure, flag, type OptionSpec, text, texts, usage, type Verb } from '../verb.ts';
import { enter } from './enter.ts';
import { stateOf, stateOption } from './state-option.ts';

const json: OptionSpec = { type: 'boolean', help: 'print it as JSON' };
const hostOption: OptionSpec = { type: 'string', value: 'HOST', help: 'the host it is bound to (default: the one with the fewest)' };

export const instanceCreate: Verb = {
  path: ['instance', 'create'],
  usage: '[NAME]',
  summary: 'make a stand-in for a VM on a network',
  details: [
    'An instance is a set of namespaces inside a host, with a device on a port. Real DHCP and SLAAC clients run in it, so its addresses, routes, resolver and MTU are what the network gives it.',
    'Without --port, a port is made for it, and deleted with it.',
  ],
  examples: ['weft instance create web --network net1 --host h1', 'weft instance create --port 8e1c…'],
  options: {
    ...stateOption,
    network: { type: 'string', value: 'NETWORK', help: 'id or name of the network to make a port on' },
    port: { type: 'string', value: 'PORT', help: 'id or name of a port that nobody uses' },
    host: hostOption,
    project: { type: 'string', value: 'ID', help: "whose port it is (default: the network's project)" },
    'security-group': { type: 'string', value: 'GROUP', multiple: true, help: "id or name (default: the project's default group)" },
    'user-data': { type: 'string', value: 'FILE', help: 'a text that the metadata service gives to it' },
    wait: { type: 'string', value: 'SECONDS', help: 'how long to wait until it has its addresses (default 30, 0: not at all)' },
    json,
  },
  args: [0, 1],
  async run(call: Call) {
    const network = text(call, 'network');
    const port = text(call, 'port');
    if ((network === undefined) === (port === undefined)) throw usage(instanceCreate, 'name either --network or --port');
    const project = text(call, 'project');
    const host = text(call, 'host');
    const groups = texts(call, 'security-group');
    const userData = text(call, 'user-data');
    const [name] = call.args;
    const wanted: NewInstance = {
      wait: count(instanceCreate, call, 'wait', { least: 0, most: 600, otherwise: 30 }),
      ...(name === undefined ? {} : { name }),
      ...(network === undefined ? {} : { network }),
      ...(port === undefined ? {} : { port }),
      ...(host === undefined ? {} : { host }),
      ...(project === undefined ? {} : { project }),
      ...(groups.length === 0 ? {} : { security_groups: groups }),
      ...(userData === undefined ? {} : { user_data: readText(userData) }),
    };
    const made = await control<InstanceView>(stateOf(call), 'POST', '/instances', wanted);
    show(call, [made]);
    return made.state === 'stopped' ? 1 : 0;
  },
};

export const instanceList: Verb = {
  path: ['instance', 'list'],
  usage: '',
  summary: 'list the instances with their addresses',
  options: { ...stateOption, json },
  args: [0, 0],
  async run(call: Call) {
    const { instances } = await control<{ instances: InstanceView[] }>(stateOf(call), 'GET', '/instances');
    show(call, instances);
    return 0;
  },
};

export const instanceExec: Verb = {
  path: ['instance', 'exec'],
  usage: 'INSTANCE -- COMMAND…',
  summary: 'run a command in an instance',
  details: [
    'The command has your terminal and your files, and the network, processes and hostname of the instance. The exit status is that of the command.',
  ],
  examples: ['weft instance exec web -- ping -c1 10.0.0.5', 'weft instance exec web -- sh'],
  options: stateOption,
  args: [1, 1],
  command: true,
  async run(call: Call) {
    if (call.command.length === 0) throw usage(instanceExec, 'which command?');
    const folder = stateOf(call);
    const { instances } = await control<{ instances: InstanceView[] }>(folder, 'GET', '/instances');
    const word = call.args[0] ?? '';
    const found = instances.find(instance => instance.id === word || instance.name === word);
    if (!found) throw new Failure(`no instance ${word}`);
    if (found.init === undefined) throw new Failure(`instance ${found.name} does not run${found.why ? `: ${found.why}` : ''}`);
    const { rootless } = await control<StatusView>(folder, 'GET', '/status');
    return enter(found.init, call.command, rootless);
  },
};

export const instanceDelete: Verb = {
  path: ['instance', 'delete'],
  usage: 'INSTANCE…',
  summary: 'delete instances, with the ports that were made for them',
  options: stateOption,
  args: [1, 100],
  async run(call: Call) {
    for (const word of call.args) {
      await control(stateOf(call), 'DELETE', `/instances/${encodeURIComponent(word)}`);
      call.out(`deleted ${word}`);
    }
    return 0;
  },
};

export const plug: Verb = {
  path: ['plug'],
  usage: 'PORT',
  summary: 'attach something that exists already to a port',
  details: [
    "The port is bound to the host. With --netns a device with the port's MAC appears in that namespace of the host; no DHCP client is started there. With --tap the device is renamed to what the L2 agent looks for, and should have the port's MAC on its far side.",
  ],
  examples: ['weft plug port1 --netns lab --host h1', 'weft plug port1 --tap mytap0'],
  options: {
    ...stateOption,
    netns: { type: 'string', value: 'NAME', help: 'a network namespace of the host, as "ip netns" knows it' },
    device: { type: 'string', value: 'NAME', help: 'how the device in it is called (default eth0)' },
    tap: { type: 'string', value: 'DEVICE', help: 'a device of the host' },
    host: { type: 'string', value: 'HOST', help: 'the host; may be left out where there is only one' },
  },
  args: [1, 1],
  async run(call: Call) {
    const [port = ''] = call.args;
    const given = Object.fromEntries(
      ['netns', 'device', 'tap', 'host'].map(key => [key, text(call, key)]).filter(([, value]) => value !== undefined),
    );
    if ((given['netns'] === undefined) === (given['tap'] === undefined)) throw usage(plug, 'name either --netns or --tap');
    const done = await control<{ port_id: string; tap: string; host: string }>(stateOf(call), 'POST', '/plugs', {
      port,
      ...given,
    } satisfies NewPlug);
    call.out(`port ${done.port_id} is plugged on ${done.host} as ${done.tap}`);
    return 0;
  },
};

function readText(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new Failure(`cannot read ${path} as text: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function show(call: Call, instances: readonly InstanceView[]): void {
  if (flag(call, 'json')) {
    call.out(JSON.stringify(instances, undefined, 2));
    return;
  }
  const rows = instances.map(i => [i.name, i.state, i.host, i.addresses.join(' ') || '-', i.port_id, i.why ?? '']);
  for (const line of table([['NAME', 'STATE', 'HOST', 'ADDRESSES', 'PORT', ''], ...rows])) call.out(line);
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
