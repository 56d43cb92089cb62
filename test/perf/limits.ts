// What the ground alone could do: databases, an HTTP server, the broker and the switch's database without Weft, and Weft beside them in turns, so that its figures are shares.
import { parseArgs } from 'node:util';
import { type Command, type Goal, runCommand } from './bench/command.ts';
import { machineWords, thisMachine } from './bench/machine.ts';
import { positive, whole } from './bench/options.ts';
import { reportLimits } from './limits/report.ts';
import { type LimitsOptions, runLimits } from './limits/run.ts';

const usage = `usage: npm run bench:limits -- [--seconds 8] [--rounds 3] [--clients 8] [--ports 1000] [--queues 100] [--only TEXT …] [--node-option OPTION …]
  --seconds S      of each in each of --rounds rounds, after up to 2 s of warm-up; the bare one and Weft take turns
  --ports N        of a list; --queues N: to which a message goes at once
  --only TEXT      what has this in its name; may be repeated
  --json FILE      every round's figures
  --document FILE  where the result is written between its marks; docs/benchmarks.md where nothing was left out, else nowhere
  --node-option    for the processes of Weft's servers`;

const numbers = { seconds: '8', rounds: '3', clients: '8', ports: '1000', queues: '100' } as const;

function read(args: readonly string[]): LimitsOptions & Goal {
  const text = (value: string) => ({ type: 'string' as const, default: value });
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: text(numbers.seconds),
      rounds: text(numbers.rounds),
      clients: text(numbers.clients),
      ports: text(numbers.ports),
      queues: text(numbers.queues),
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      document: { type: 'string' },
      'node-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    seconds: positive('seconds', values.seconds),
    rounds: whole('rounds', values.rounds),
    clients: whole('clients', values.clients),
    ports: whole('ports', values.ports),
    queues: whole('queues', values.queues),
    only: values.only,
    nodeOptions: values['node-option'],
    json: values.json,
    document: values.document,
    help: values.help,
  };
}

const isWhole = (options: LimitsOptions): boolean =>
  options.only.length === 0 &&
  options.nodeOptions.length === 0 &&
  Object.entries(numbers).every(([name, least]) => options[name as keyof typeof numbers] >= Number(least));

const limits: Command<LimitsOptions & Goal> = {
  name: 'npm run bench:limits',
  usage,
  read,
  async run(options, { command, date, progress, signal }) {
    const found = await runLimits(options, progress, signal);
    const machine = thisMachine();
    const { text, missed, wrong } = reportLimits(found);
    const { clients, rounds, seconds } = options;
    const head = `\`${command}\`, ${date}. ${machineWords(machine)}. ${clients} clients, ${rounds} rounds in turns of ${seconds} s each after warm-up; medians of the rounds.`;
    const raw = { command, date, machine, conditions: options, ...found };
    return { text: `${head}\n\n${text}`, raw, missed, wrong, isWhole: isWhole(options) && found.lacking.length === 0 };
  },
};

process.exitCode = await runCommand(limits, process.argv.slice(2));
