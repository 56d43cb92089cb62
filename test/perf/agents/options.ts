// What `npm run bench:agents` is told.
import { parseArgs } from 'node:util';
import type { Goal } from '../bench/command.ts';
import { positive, whole } from '../bench/options.ts';
import { type Shape, shapes } from '../bench/shapes.ts';

export const usage = `usage: npm run bench:agents -- [--hosts 1000] [--members 5000] [--switches 10] [--rounds 20] [--report 30] [--shape mariadb]
  --hosts N          simulated hosts, all in one process
  --members N        ports in the group, spread over the hosts
  --switches N       one host in so many has Open vSwitch, the others Linux bridges; 0: none
  --rounds N         of each change
  --report N         seconds between two reports of an agent
  --shape NAME       mariadb, postgres or embedded: what the server keeps its state in
  --no-wires         simulated hosts alone: no port is wired on a real kernel, and no agent killed under traffic
  --json FILE        the figures; --document FILE: where the result is written between its marks; docs/benchmarks.md where nothing was left out, else nowhere
  --node-option, --host-node-option    for the process of the server, and for that of the hosts: --cpu-prof`;

export interface AgentsOptions extends Goal {
  readonly hosts: number;
  readonly members: number;
  readonly switches: number;
  readonly rounds: number;
  readonly reportMs: number;
  readonly shape: Shape;
  readonly withWires: boolean;
  readonly serverOptions: readonly string[];
  readonly hostOptions: readonly string[];
}

const numbers = { hosts: '1000', members: '5000', rounds: '20' } as const;

/** Throws, in words for the person who called. */
export function readOptions(args: readonly string[]): AgentsOptions {
  const text = (value: string) => ({ type: 'string' as const, default: value });
  const { values } = parseArgs({
    args: [...args],
    options: {
      hosts: text(numbers.hosts),
      members: text(numbers.members),
      switches: text('10'),
      rounds: text(numbers.rounds),
      report: text('30'),
      shape: text('mariadb'),
      'no-wires': { type: 'boolean', default: false },
      json: { type: 'string' },
      document: { type: 'string' },
      'node-option': { type: 'string', multiple: true, default: [] },
      'host-node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const shape = shapes.find(name => name === values.shape);
  if (!shape) throw new Error(`there is no shape ${values.shape}: ${shapes.join(', ')}`);
  return {
    hosts: whole('hosts', values.hosts),
    members: whole('members', values.members),
    switches: values.switches === '0' ? 0 : whole('switches', values.switches),
    rounds: whole('rounds', values.rounds),
    reportMs: positive('report', values.report) * 1000,
    shape,
    withWires: !values['no-wires'],
    serverOptions: values['node-option'],
    hostOptions: values['host-node-option'],
    json: values.json,
    document: values.document,
    help: values.help,
  };
}

/** Whether nothing was left out or shortened, so that the result may stand in the document. */
export const isWhole = (options: AgentsOptions): boolean =>
  options.withWires &&
  options.serverOptions.length + options.hostOptions.length === 0 &&
  Object.entries(numbers).every(([name, least]) => options[name as keyof typeof numbers] >= Number(least));
