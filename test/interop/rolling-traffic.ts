// Traffic through a replacement that goes on from its first step to its last: numbered questions over UDP of which each is answered, by one
// flow and by a new one each time, and questions for metadata. Each loss has its time, so that it can be told to which step it belongs.
import type { Job } from '../system/job.ts';
import { onItsWay, type Place, program, reportOf } from '../system/traffic.ts';

export interface Loss {
  /** When it was asked, in milliseconds since 1970. */
  readonly at: number;
  readonly why: string;
}

export interface Asked {
  readonly name: string;
  readonly count: number;
  readonly lost: readonly Loss[];
  /** The longest time that an answer took, in milliseconds. */
  readonly slowest: number;
}

export interface Asking {
  /** Ends it, once what is on its way has been answered or has had its time. */
  end(): Promise<Asked[]>;
}

const tell = `
const tell = report => { process.stdout.write('report ' + JSON.stringify(report) + '\\n', () => process.exit(0)); };
class Series {
  times = []; open = new Map(); lost = []; slowest = 0;
  ask() { const n = this.times.push(Date.now()) - 1; this.open.set(n, performance.now()); return n; }
  answered(n) { this.slowest = Math.max(this.slowest, performance.now() - (this.open.get(n) ?? Infinity)); return this.open.delete(n); }
  failed(n, why) { if (this.open.delete(n)) this.lost.push({ at: this.times[n], why }); }
  get report() {
    const never = [...this.open.keys()].map(n => ({ at: this.times[n], why: 'no answer' }));
    return { count: this.times.length, lost: [...this.lost, ...never], slowest: Math.round(this.slowest) };
  }
}
const every = (ms, ask) => {
  const began = performance.now();
  let count = 0;
  return setInterval(() => { for (; performance.now() - began >= count * ms; count++) ask(); }, Math.min(ms, 5));
};
const endWhen = (timers, all, ms) => process.on('SIGTERM', () => {
  timers.forEach(clearInterval);
  const until = performance.now() + ms;
  const look = () => all.every(one => one.open.size === 0) || performance.now() > until ? tell(all.map(one => one.report)) : setTimeout(look, 20);
  look();
});
`;

// What comes from any other address than those was not translated, or wrongly: it counts as lost.
const answerer = `${tell}
const [port, ...right] = process.argv.slice(1);
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
const lost = [];
let count = 0;
socket.on('message', (text, from) => {
  count++;
  if (!right.includes(from.address)) lost.push({ at: Date.now(), why: 'from ' + from.address });
  socket.send(text, from.port, from.address);
});
process.on('SIGTERM', () => tell([{ count, lost, slowest: 0 }]));
socket.bind(Number(port), '0.0.0.0', () => console.log('ready'));
`;

// Fifty questions a second by one flow, twenty by flows of their own.
const asker = `${tell}
const [host, port] = process.argv.slice(1);
const { createSocket } = require('node:dgram');
const one = new Series(), fresh = new Series();
const send = (socket, series, n) => socket.send(String(n), Number(port), host, error => { if (error) series.failed(n, error.message); });
const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
socket.on('message', text => one.answered(Number(text)));
socket.bind(() => {
  const timers = [
    every(20, () => send(socket, one, one.ask())),
    every(50, () => {
      const own = createSocket('udp4'), n = fresh.ask();
      const done = () => { clearTimeout(timer); own.close(); };
      const timer = setTimeout(done, 10000);
      own.on('message', () => { fresh.answered(n); done(); });
      send(own, fresh, n);
    }),
  ];
  endWhen(timers, [one, fresh], 3000);
  console.log('ready');
});
`;

// Each over a connection of its own, and not more than a few at a time: each is several calls for the server.
const metadataAsker = `${tell}
const [id, from] = process.argv.slice(1);
const series = new Series();
const ask = () => {
  if (series.open.size === 4) return;
  const n = series.ask();
  const failed = why => series.failed(n, why);
  const request = require('node:http').get({ host: '169.254.169.254', path: '/openstack', agent: false, timeout: 20000 }, async response => {
    let text = '';
    try {
      for await (const part of response) text += part;
      if (response.statusCode !== 200) return failed('status ' + response.statusCode);
      const told = JSON.parse(text);
      if (told.id === id && told.from.replace('::ffff:', '') === from) series.answered(n);
      else failed('it is told to be ' + text);
    } catch (error) { failed(error.message); }
  });
  request.on('timeout', () => request.destroy(new Error('no answer')));
  request.on('error', error => failed(error.code ?? error.message));
};
endWhen([every(200, ask)], [series], 3000);
console.log('ready');
`;

/** `right`: the addresses that questions come from. */
export async function startAnswering(name: string, place: Place, port: number, right: readonly string[]): Promise<Asking> {
  return asking([name], await started(name, place, answerer, port, ...right));
}

export interface Question {
  readonly name: string;
  readonly from: Place;
  readonly address: string;
  readonly port: number;
}

export async function startAsking({ name, from, address, port }: Question): Promise<Asking> {
  return asking([name, `${name}, a new flow each`], await started(name, from, asker, address, port));
}

/** Every answer must be for this instance at this address. */
export async function startAskingMetadata(from: Place, id: string, address: string): Promise<Asking> {
  return asking(['metadata'], await started('metadata', from, metadataAsker, id, address));
}

async function started(name: string, place: Place, script: string, ...args: (string | number)[]): Promise<Job> {
  const job = place(program(script, ...args));
  await onItsWay(name, job);
  return job;
}

function asking(names: readonly string[], job: Job): Asking {
  return {
    async end() {
      const reports = await reportOf<Omit<Asked, 'name'>[]>(names[0] ?? '', job);
      return reports.map((report, i) => ({ name: names[i] ?? '', ...report }));
    },
  };
}

export interface Step {
  readonly step: string;
  readonly series: string;
  readonly lost: readonly Loss[];
}

/** What is done meanwhile, in order; each ends where the next begins. */
export class Steps {
  private readonly all: { readonly name: string; readonly from: number }[] = [];

  begin(name: string): void {
    this.all.push({ name, from: Date.now() });
  }

  /** Losses of each step and series. */
  losses(asked: readonly Asked[]): Step[] {
    return this.all.flatMap((_, i) => this.lossesOf(i, asked));
  }

  /** One line for each step. */
  describe(asked: readonly Asked[]): string[] {
    return this.all.map(({ name, from }, i) => {
      const lost = this.lossesOf(i, asked).filter(({ lost: some }) => some.length > 0);
      const each = lost.map(({ series, lost: some }) => `${some.length} of ${series}${span(some)} (${reasons(some)})`);
      const seconds = (Math.min(this.endOf(i), Date.now()) - from) / 1000;
      return `${name} (${seconds.toFixed(1)} s): ${each.length === 0 ? 'nothing lost' : `lost ${each.join('; ')}`}`;
    });
  }

  private lossesOf(i: number, asked: readonly Asked[]): Step[] {
    const { name: step, from } = this.all[i]!;
    const to = this.endOf(i);
    return asked.map(({ name: series, lost }) => ({ step, series, lost: lost.filter(({ at }) => at >= from && at < to) }));
  }

  private endOf(i: number): number {
    return this.all[i + 1]?.from ?? Number.POSITIVE_INFINITY;
  }
}

const reasons = (lost: readonly Loss[]): string => [...new Set(lost.map(({ why }) => why))].join(', ');

function span(lost: readonly Loss[]): string {
  const times = lost.map(({ at }) => at);
  return lost.length === 1 ? '' : ` within ${Math.max(...times) - Math.min(...times)} ms`;
}
