// A program for tests: builds contained hosts with a supervised process in each, says what it made, and lives until it is killed.
import { systemClock } from '../../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../../src/adapters/log/text-log.ts';
import { openContained } from '../../../src/main/sandbox/contained.ts';
import { nodeArgv } from '../../../src/main/supervise/node.ts';
import { startProcess } from '../../../src/main/supervise/process.ts';
import { supervise } from '../../../src/main/supervise/supervisor.ts';

const [count = '1', folder = '/tmp'] = process.argv.slice(2);
const contained = await openContained(Number(count));
const agents = contained.hosts.map(host =>
  supervise({
    name: host.name,
    clock: systemClock,
    log: textLog({ sink: process.stderr }),
    random: Math.random,
    start: () =>
      startProcess({
        place: host.sandbox,
        argv: nodeArgv([`${import.meta.dirname}/idle.ts`, folder]),
        outputFile: `${folder}/${host.name}.out`,
      }),
    onChange: () => say(),
  }),
);

function say(): void {
  const hosts = contained.hosts.map((host, i) => ({ name: host.name, init: host.sandbox.init.pid, agent: agents[i]?.state }));
  process.stdout.write(`${JSON.stringify({ underlay: contained.underlay.init.pid, hosts })}\n`);
}
process.on('SIGTERM', () => {
  void Promise.all(agents.map(agent => agent[Symbol.asyncDispose]()))
    .then(() => contained[Symbol.asyncDispose]())
    .then(() => process.exit(0));
});
setInterval(() => {}, 60_000);
