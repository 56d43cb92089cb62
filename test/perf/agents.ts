// Many hosts: the real L2 agents over simulated kernels and switches, each with a connection of its own to a real RabbitMQ, and a real server; and a few on a real
// kernel, with packets.
import { Rabbit, rabbitPassword, rabbitUser } from '../interop/rabbit.ts';
import { Cloud } from './agents/cloud.ts';
import { HostsProcess } from './agents/hosts-process.ts';
import { type AgentsOptions, isWhole, readOptions, usage } from './agents/options.ts';
import type { HostSpec } from './agents/protocol.ts';
import { table } from './agents/report.ts';
import { type AgentFigures, AgentsRun, clientOf } from './agents/run.ts';
import { measureWires } from './agents/wires.ts';
import { type Command, runCommand } from './bench/command.ts';
import { startDurable } from './bench/databases.ts';
import { untilInterrupted } from './bench/interruption.ts';
import { machineWords, thisMachine } from './bench/machine.ts';
import { type Server, startWeft } from './bench/servers.ts';

const agents: Command<AgentsOptions> = {
  name: 'npm run bench:agents',
  usage,
  read: readOptions,
  async run(options, { command, date, progress, signal }) {
    const figures = await manyHosts(options, progress, signal);
    const wires = options.withWires ? await measureWires(progress, signal) : undefined;
    const machine = thisMachine();
    const { missed } = figures;
    const wrong = [...figures.wrong, ...(wires?.wrong ?? [])];
    const told = [
      ...(wrong.length > 0 ? [`Went wrong: ${wrong.join('; ')}.`] : []),
      ...(missed.length > 0 ? [`Missed: ${missed.join('; ')}.`] : []),
    ];
    const head = `\`${command}\`, ${date}. ${machineWords(machine)}. ${figures.cloud}.`;
    return {
      text: [head, table(figures.rows), ...(wires ? [wires.text] : []), ...told].join('\n\n'),
      raw: { command, date, machine, conditions: options, ...figures, wires },
      missed,
      wrong,
      isWhole: isWhole(options),
    };
  },
};

async function manyHosts(options: AgentsOptions, progress: (line: string) => void, signal: AbortSignal): Promise<AgentFigures> {
  await using stack = new AsyncDisposableStack();
  const rabbit = stack.use(await Rabbit.start());
  const server = await startServer(options, rabbit, stack, signal);
  const hosts = stack.use(new HostsProcess(options.hostOptions));
  const specs = Array.from({ length: options.hosts }, (_, n) => specOf(n, options.switches));
  const cloud = stack.use(new Cloud(server.target));
  const run = async (): Promise<AgentFigures> => {
    await hosts.tell({ do: 'open', hosts: specs, amqp: clientOf(rabbit), reportIntervalMs: options.reportMs });
    await cloud.prepare(options.members);
    return new AgentsRun(options, { rabbit, server, hosts, cloud, names: specs.map(({ name }) => name), progress }).run();
  };
  return await untilInterrupted(run(), signal);
}

async function startServer(options: AgentsOptions, rabbit: Rabbit, stack: AsyncDisposableStack, signal: AbortSignal): Promise<Server> {
  const { shape, serverOptions } = options;
  const database = shape === 'embedded' ? undefined : stack.use(await startDurable(shape));
  const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
  const config = ['[DEFAULT]', `transport_url = ${url}`, ...(database ? ['[database]', `connection = ${await database.database()}`] : [])];
  const beside = database ? [database.pid!] : [];
  return stack.use(await startWeft({ name: shape, config: `${config.join('\n')}\n`, beside, nodeOptions: serverOptions }, signal));
}

function specOf(n: number, switches: number): HostSpec {
  const kind = switches > 0 && n % switches === switches - 1 ? 'openvswitch' : 'linuxbridge';
  return { name: `host-${n}`, kind, tunnelIp: `100.64.${n >> 8}.${n & 255}` };
}

process.exitCode = await runCommand(agents, process.argv.slice(2));
