// A process that holds all simulated hosts, so that what their agents cost is theirs alone. Started by hosts-process.ts; orders come by its channel.
import { setTimeout as sleep } from 'node:timers/promises';
import { BareQueues } from './bare.ts';
import { noTraffic } from './counting.ts';
import { SimulatedHost } from './host.ts';
import type { Answers, Numbered, Order, Reply } from './protocol.ts';

const traffic = noTraffic();
const hosts = new Map<string, SimulatedHost>();
const examples: string[] = [];
let complaints = 0;
let bare: BareQueues | undefined;
let amqp: Extract<Order, { do: 'open' }>['amqp'] | undefined;

const complaint = (host: string, line: string): void => {
  complaints++;
  if (examples.length < 8) examples.push(`${host}: ${line.trim().slice(0, 400)}`);
};

async function obey(order: Order): Promise<Answers[Order['do']]> {
  switch (order.do) {
    case 'open': {
      ({ amqp } = order);
      const around = { amqp: order.amqp, reportIntervalMs: order.reportIntervalMs, traffic, complaint };
      for (const spec of order.hosts) hosts.set(spec.name, new SimulatedHost(spec, around));
      return null;
    }
    case 'start':
      return start();
    case 'stop':
      await Promise.all([...hosts.values()].map(host => host.stop()));
      return null;
    case 'plug':
      await Promise.all(Object.entries(order.ports).map(([name, ports]) => hosts.get(name)!.plug(ports)));
      return null;
    case 'watch':
      for (const host of hosts.values()) host.watch(order.text);
      await bare?.watch();
      return null;
    case 'await':
      return bare ? bare.reached(order.withinMs) : reached(order);
    case 'count':
      return count();
    case 'bare':
      await bare?.[Symbol.asyncDispose]();
      bare = order.queues > 0 ? await BareQueues.open(amqp!, order.queues) : undefined;
      return null;
  }
}

async function start(): Promise<Answers['start']> {
  const began = performance.now();
  const ms = await Promise.all(
    [...hosts.values()].map(async host => {
      await host.start();
      return performance.now() - began;
    }),
  );
  return { ms };
}

async function reached({ hosts: names, acted, withinMs }: Extract<Order, { do: 'await' }>): Promise<Answers['await']> {
  const seen = () => names.map(name => hosts.get(name)!.seen!);
  const over = performance.now() + withinMs;
  while (performance.now() < over && !seen().every(s => (acted ? s.doneAt : s.heardAt) !== undefined)) await sleep(5);
  return {
    heard: seen().flatMap(s => s.heardAt ?? []),
    acted: seen().flatMap(s => s.doneAt ?? []),
    mostMessages: Math.max(0, ...seen().map(s => s.messages)),
    mostBytes: Math.max(0, ...seen().map(s => s.bytes)),
  };
}

function count(): Answers['count'] {
  const { user, system } = process.cpuUsage();
  return { ...traffic, cpuMs: (user + system) / 1000, rssMib: process.memoryUsage.rss() / 2 ** 20, complaints, examples };
}

process.on('message', ({ id, order }: Numbered) => {
  const reply = (message: Reply): unknown => process.connected && process.send?.(message, undefined, undefined, () => {});
  obey(order).then(
    answer => reply({ id, answer }),
    (error: unknown) => reply({ id, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => {});
