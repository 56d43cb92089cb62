// How fast the API answers: Weft in its shapes, and a real Neutron beside it, in one run on one machine, in turns. What counts is ratios: absolute numbers are those
// of the machine and of what else it does.
import { type Command, runCommand } from './bench/command.ts';
import { thisMachine } from './bench/machine.ts';
import { type BenchOptions, isWhole, readOptions, usage } from './bench/options.ts';
import { report } from './bench/report.ts';
import { measurements, runBench } from './bench/run.ts';
import { reportLimits } from './limits/report.ts';
import { runLimits } from './limits/run.ts';

const queues = 100;

const bench: Command<BenchOptions> = {
  name: 'npm run bench',
  usage,
  read: args => {
    const options = readOptions(args);
    for (const text of options.only)
      if (!measurements.some(name => name.includes(text))) throw new Error(`nothing is called ${text}: ${measurements.join(', ')}`);
    return options;
  },
  async run(options, { command, date, progress, signal }) {
    const outcome = await runBench(options, progress, signal);
    const limits = options.withLimits ? await runLimits({ ...options, queues, only: [] }, progress, signal) : undefined;
    const measured = { command, date, machine: thisMachine(), conditions: options, ...outcome };
    const all = [report(measured), ...(limits ? [reportLimits(limits)] : [])];
    return {
      text: all.map(({ text }) => text).join('\n\n'),
      raw: { ...measured, limits },
      missed: all.flatMap(({ missed }) => missed),
      wrong: all.flatMap(({ wrong }) => wrong),
      isWhole: isWhole(options) && outcome.places.some(({ isPeer }) => isPeer),
    };
  },
};

process.exitCode = await runCommand(bench, process.argv.slice(2));
