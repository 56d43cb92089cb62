// What `npm run bench` is told.
import { parseArgs } from 'node:util';
import type { Goal } from './command.ts';
import { type Shape, shapes } from './shapes.ts';

export const usage = `usage: npm run bench -- [--seconds 8] [--clients 8] [--rounds 3] [--shape NAME …] [--only TEXT …] [--limits] [--node-option OPTION …]
  --seconds S      of each phase in each of --rounds rounds, after up to 2 s of warm-up; clients ask one after the other, servers take turns
  --shape NAME     embedded, mariadb or postgres; all of them where none is named. The last two stand on RabbitMQ and the real server's Keystone
  --no-peer        Weft alone; where its script is not beside the project there is no real server in any case
  --ports N        that a whole list has; --burst N: that are asked for at once; --tokens N: of Keystone
  --only TEXT      the phases that have this in their name; may be repeated
  --limits         shares of the bare limits too, as npm run bench:limits measures them
  --json FILE      every round's figures
  --document FILE  where the result is written between its marks; docs/benchmarks.md where nothing was left out, else nowhere
  --node-option    for the processes of Weft's servers: --cpu-prof`;

export interface BenchOptions extends Goal {
  readonly seconds: number;
  readonly clients: number;
  readonly rounds: number;
  readonly ports: number;
  readonly burst: number;
  readonly tokens: number;
  readonly shapes: readonly Shape[];
  readonly withPeer: boolean;
  readonly withLimits: boolean;
  readonly only: readonly string[];
  readonly nodeOptions: readonly string[];
}

const numbers = { seconds: '8', clients: '8', rounds: '3', ports: '1000', burst: '250', tokens: '1000' } as const;

/** Throws, in words for the person who called. */
export function readOptions(args: readonly string[]): BenchOptions {
  const text = (value: string) => ({ type: 'string' as const, default: value });
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: text(numbers.seconds),
      clients: text(numbers.clients),
      rounds: text(numbers.rounds),
      ports: text(numbers.ports),
      burst: text(numbers.burst),
      tokens: text(numbers.tokens),
      shape: { type: 'string', multiple: true, default: [] },
      'no-peer': { type: 'boolean', default: false },
      limits: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      document: { type: 'string' },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  for (const shape of values.shape)
    if (!(shapes as readonly string[]).includes(shape)) throw new Error(`there is no shape ${shape}: ${shapes.join(', ')}`);
  return {
    seconds: positive('seconds', values.seconds),
    clients: whole('clients', values.clients),
    rounds: whole('rounds', values.rounds),
    ports: whole('ports', values.ports),
    burst: whole('burst', values.burst),
    tokens: whole('tokens', values.tokens),
    shapes: values.shape.length === 0 ? shapes : shapes.filter(shape => values.shape.includes(shape)),
    withPeer: !values['no-peer'],
    withLimits: values.limits,
    only: values.only,
    nodeOptions: values['node-option'],
    json: values.json,
    document: values.document,
    help: values.help,
  };
}

export function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new Error(`--${name} ${text}: a number above 0 is wanted`);
  return value;
}

export function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (!Number.isInteger(value)) throw new Error(`--${name} ${text}: a whole number is wanted`);
  return value;
}

export const wants = ({ only }: BenchOptions, name: string): boolean => only.length === 0 || only.some(part => name.includes(part));

/** Whether nothing was left out or shortened, so that the result may stand in the document. */
export const isWhole = (options: BenchOptions): boolean =>
  options.withPeer &&
  options.only.length === 0 &&
  options.nodeOptions.length === 0 &&
  options.shapes.length === shapes.length &&
  Object.entries(numbers).every(([name, least]) => options[name as keyof typeof numbers] >= Number(least));
