// weft agent KIND: one of Neutron's agents as a process of its own, told by Neutron's files, on the broker that these name or on a socket.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { connectUnixBus } from '../adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../adapters/clock/system-clock.ts';
import { openHost } from '../adapters/host/open-host.ts';
import { LogFile } from '../adapters/log/log-file.ts';
import { openPacketLog } from '../adapters/log/packet-log.ts';
import { textLog } from '../adapters/log/text-log.ts';
import type { AgentContext } from '../agent/context.ts';
import { Failure } from '../cli/verb.ts';
import type { AgentOptions } from '../cli/verbs/agent.ts';
import { type Bus, BusUnavailable } from '../contracts/bus.ts';
import type { Log, LogLevel } from '../contracts/log.ts';
import { serveAgentMetrics } from './agent-metrics.ts';
import { agentStarts } from './agent-parts.ts';
import { agentProgramOf } from './config/agents/programs.ts';
import { type AgentKind, type AgentSettings, agentConfigOf, agentKinds } from './config/agents/settings.ts';
import { ConfigError } from './config/ini.ts';
import { configOf, type Reading, readProgram } from './config/program.ts';
import { programs } from './config/programs.ts';
import { amqpOptions } from './config/rabbit.ts';

/** A broker that is away keeps nobody waiting: what is on this host is looked after meanwhile. */
const connectMs = 2_000;
/** What still hangs then ends with the process; the data plane stays as it is. */
const endMs = 4_000;

export async function runAgent(options: AgentOptions): Promise<number> {
  const kind = kindOf(options.kind);
  let reading = read(kind, options);
  const settings = inWords(() => configOf(reading));
  refuse(kind, settings, options);
  let { debug } = settings;
  const sink = openSink(kind, settings);
  const level = (): LogLevel => (debug || options.debug ? 'debug' : 'info');
  const log = textLog({ sink, level, name: `neutron-${kind}-agent` });
  process.on('uncaughtException', error => crash(log, error));
  tell(reading, log);
  const ending = new AbortController();
  const ended = untilTold(ending);
  process.on('SIGHUP', () => {
    const fresh = reload({ kind, options, sink, log }, reading);
    if (!fresh) return;
    reading = fresh;
    ({ debug } = fresh.config);
  });
  await work({ kind, settings, options, log }, ending.signal, ended);
  log.info('the agent ends; what it made stays');
  return 0;
}

interface Work {
  readonly kind: AgentKind;
  readonly settings: AgentSettings;
  readonly options: AgentOptions;
  readonly log: Log;
}

async function work(given: Work, signal: AbortSignal, ended: Promise<void>): Promise<void> {
  const { kind, settings, log } = given;
  await using stack = new AsyncDisposableStack();
  const config = agentConfigOf(settings, { host: hostname(), isRoot: process.getuid?.() === 0 });
  const bus = await openBus(given, config.host, signal);
  if (!bus) return;
  stack.use(bus);
  const packets = config.packetLog;
  const tag = `neutron-${kind}-agent`;
  const packetLog = packets ? { packetLog: stack.use(inWords(() => openPacketLog(packets.file, { log, tag }))) } : {};
  const ctx: AgentContext = { bus, host: openHost(), clock: systemClock, log, random: Math.random, config, ...packetLog };
  const part = stack.use(await inWordsLater(() => agentStarts[kind](ctx)));
  if (settings.metricsListen) {
    const metrics = stack.use(await inWordsLater(() => serveAgentMetrics(settings.metricsListen!, [part], log)));
    log.info('metrics are served', { url: metrics.url });
  }
  log.info('the agent runs', { host: config.host, pid: process.pid });
  void part.synced.then(() => log.info('the agent is in sync with the server'));
  await ended;
}

function kindOf(word: string): AgentKind {
  const kind = agentKinds.find(known => known === word);
  if (!kind) throw new Failure(`there is no agent ${JSON.stringify(word)}, only ${agentKinds.join(', ')}`);
  return kind;
}

/** One neutron.conf may be for the server and all agents. */
function read(kind: AgentKind, { configSources, logFile, logDir, statePath }: AgentOptions): Reading<AgentSettings> {
  const said = { log_file: logFile, log_dir: logDir, state_path: statePath };
  const flags = Object.entries(said).flatMap(([name, text]) =>
    text === undefined ? [] : [{ group: 'DEFAULT', name, text, flag: `--${name.replace('_', '-')}` }],
  );
  return readProgram(agentProgramOf[kind], configSources, { flags, others: programs });
}

function refuse(kind: AgentKind, { messaging, metadata }: AgentSettings, { busSocket }: AgentOptions): void {
  if (messaging.transportUrl === '' && busSocket === undefined)
    throw new Failure('where is the server? The files name no transport_url; a server on this machine is met with --bus-socket');
  if (process.getuid?.() === 0) return;
  if (kind !== 'metadata') throw new Failure(`the ${kind} agent changes the network of this machine, which needs root`);
  if (metadata.mode === 'deduce')
    throw new Failure("to give its socket to the proxies' group needs root, unless metadata_proxy_socket_mode says who may connect");
}

interface Sink {
  write(line: string): unknown;
  reopen?(): void;
}

function openSink(kind: AgentKind, { logFile, logDir }: AgentSettings): Sink {
  const name = logFile || (logDir === '' ? '' : `neutron-${kind}-agent.log`);
  return name === '' ? process.stderr : inWords(() => new LogFile(resolve(logDir, name)));
}

function tell({ warnings, notes }: Reading<AgentSettings>, log: Log): void {
  for (const warning of warnings) log.warning(`configuration: ${warning}`);
  for (const note of notes) log.info(`configuration: ${note}`);
}

interface Reloading extends Pick<Work, 'kind' | 'options' | 'log'> {
  readonly sink: Sink;
}

/** What changes at once: the log. All else is as it was at the start, and is named. */
function reload({ kind, options, sink, log }: Reloading, before: Reading<AgentSettings>): Reading<AgentSettings> | undefined {
  try {
    sink.reopen?.();
    const fresh = read(kind, options);
    configOf(fresh);
    const changed = fresh.effective.filter((now, i) => now.texts.join('\n') !== before.effective[i]?.texts.join('\n'));
    const late = changed.map(({ option }) => option.name).filter(name => name !== 'debug');
    log.info('the configuration was read again', late.length > 0 ? { after_a_restart: late } : {});
    return fresh;
  } catch (error) {
    log.error('the configuration is left as it was', { error: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

/** Undefined when the process is to end before there is one. */
async function openBus({ kind, settings, options, log }: Work, host: string, signal: AbortSignal): Promise<Bus | undefined> {
  const callTimeoutMs = settings.answerSeconds * 1000;
  const name = `neutron-${kind}-agent of ${host}, ${process.pid}`;
  const common = { clock: systemClock, log, name, callTimeoutMs };
  if (options.busSocket === undefined) {
    const { openAmqpBus } = await import('../adapters/bus-amqp/amqp-bus.ts');
    return await openAmqpBus({ ...common, amqp: amqpOptions(settings.messaging), connectMs });
  }
  for (let told = false; !signal.aborted; told = true) {
    try {
      return await connectUnixBus(options.busSocket, { ...common, connectMs });
    } catch (error) {
      if (!(error instanceof BusUnavailable)) throw error;
      if (!told) log.warning('no server at the socket; trying on', { socket: options.busSocket });
    }
  }
  return undefined;
}

function untilTold(ending: AbortController): Promise<void> {
  return new Promise(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, () => {
        setTimeout(() => process.exit(0), endMs).unref();
        ending.abort();
        resolve();
      });
  });
}

/** Nothing is known of the state of this process any more; whoever started it starts another one, which finds the data plane as it is. */
function crash(log: Log, error: unknown): never {
  log.error('crashed', { error });
  process.exit(1);
}

function inWords<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw worded(error);
  }
}

async function inWordsLater<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw worded(error);
  }
}

/** What a person can do something about is told without a stack. */
function worded(error: unknown): unknown {
  const known = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  return known ? new Failure(error.message) : error;
}
