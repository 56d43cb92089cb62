// What a run has measured becomes tables, and a list of what was missed.
import { digits, markdown, ms } from '../statistics.ts';
import { brokenPromises, type TokenPrice } from './keystone.ts';
import { type Machine, machineWords } from './machine.ts';
import { median, medianOf, type Result } from './measure.ts';
import { coldName, openName } from './place.ts';
import {
  mostOfClient,
  type Wanted,
  wantedBurstSeconds,
  wantedMemory,
  wantedOf,
  wantedOpenMs,
  wantedStartMs,
  wantedTimes,
} from './wanted.ts';
import { wholeList } from './world.ts';

export interface Burst {
  readonly seconds: number;
  readonly made: number;
}

export interface PlaceFigures {
  readonly name: string;
  readonly isPeer: boolean;
  /** By phase, round by round. */
  readonly results: Readonly<Record<string, readonly Result[]>>;
  readonly bursts: readonly Burst[];
  /** From exec to the first answer. */
  readonly startMs: readonly number[];
  /** MiB (PSS): of the real server, or of Weft's; embedded with one host's agents, on a database server in one process. */
  readonly idleMib?: number;
  /** Of the real server with all that it stands on; of Weft's on a database server with the workers that it starts by itself. */
  readonly idleWholeMib?: number;
}

export interface Measured {
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
  readonly conditions: {
    readonly seconds: number;
    readonly clients: number;
    readonly rounds: number;
    readonly ports: number;
    readonly burst: number;
  };
  readonly places: readonly PlaceFigures[];
  readonly tokens?: TokenPrice;
}

export interface Report {
  readonly text: string;
  /** Of what is wanted, in words. */
  readonly missed: readonly string[];
  /** What must not be in any run. */
  readonly wrong: readonly string[];
}

export function report(measured: Measured): Report {
  const missed: string[] = [];
  const peer = measured.places.find(({ isPeer }) => isPeer);
  const own = measured.places.filter(({ isPeer }) => !isPeer);
  const parts = [
    head(measured),
    ...(peer ? own.map(place => ratios(place, peer, missed)) : []),
    singles(own, peer, measured.conditions.burst, missed),
    ...(measured.tokens ? [tokenWords(measured.tokens)] : []),
    figures(measured.places),
    clientWords(measured.places),
  ];
  const wrong = [...own.flatMap(place => failures(place, measured)), ...(measured.tokens ? brokenPromises(measured.tokens) : [])];
  // What the real server does not do is told, and is nobody's fault here.
  const others = peer ? failures(peer, measured) : [];
  const told = [
    ...(others.length > 0 ? [`The real server: ${others.join('; ')}.`] : []),
    ...(wrong.length > 0 ? [`Went wrong: ${wrong.join('; ')}.`] : []),
    ...(missed.length > 0 ? [`Missed: ${missed.join('; ')}.`] : []),
  ];
  return { text: [...parts, ...told].filter(part => part !== '').join('\n\n'), missed, wrong };
}

function head({ command, date, machine, conditions: { seconds, clients, rounds, ports } }: Measured): string {
  return (
    `\`${command}\`, ${date}. ${machineWords(machine)}. ${clients} clients that ask one after the other over connections that stay; servers take turns phase by ` +
    `phase, ${rounds} rounds of ${seconds} s each after warm-up; whole lists have ${ports} ports. Medians of the rounds.`
  );
}

/** Of one round each, and of these the median. */
function ratioOf(own: readonly Result[], others: readonly Result[], of: (result: Result) => number): number {
  const rounds = own.flatMap((result, i) => (others[i] ? [of(result) / of(others[i])] : []));
  return rounds.length === 0 ? Number.NaN : median(rounds);
}

const whole = ({ cpuMs, besideCpuMs }: Result): number => cpuMs + besideCpuMs;

function ratios(place: PlaceFigures, peer: PlaceFigures, missed: string[]): string {
  const rows = Object.entries(wantedTimes).flatMap(([name, wanted]) => {
    const mine = place.results[name];
    // The real server keeps no texts: each of its lists is a cold one.
    const others = peer.results[name === coldName ? wholeList : name];
    if (!mine || !others) return [];
    const least = wantedOf(wanted, place.name);
    const times = ratioOf(mine, others, ({ items }) => items);
    if (!(times >= least)) missed.push(`${place.name}: ${name} ${digits(times)} times, wanted ${least}`);
    const [ours, theirs] = [medianOf(mine), medianOf(others)];
    const cpu = [({ cpuMs }: Result) => cpuMs, whole].map(of => digits(ratioOf(others, mine, of)));
    const verdict = times >= least ? '' : 'short';
    return [[name, digits(theirs.items), digits(ours.items), digits(times), String(least), verdict, ...cpu]];
  });
  if (rows.length === 0) return '';
  const columns = ['real server /s', 'Weft /s', 'times', 'wanted', '', "times, server's processor time", 'and of all beside it'];
  return markdown([[`${place.name}: objects`, ...columns], ...rows]);
}

interface Single {
  readonly what: string;
  readonly value: number;
  readonly most: number;
  readonly beside: string;
  readonly shown: (value: number) => string;
}

/** What has a measure of its own, or one beside the real server that is no rate. */
function singles(own: readonly PlaceFigures[], peer: PlaceFigures | undefined, burst: number, missed: string[]): string {
  const rows = own
    .flatMap(place => singlesOf(place, peer, burst))
    .map(({ what, value, most, beside, shown }) => {
      const isShort = !(value <= most);
      if (isShort) missed.push(`${what} ${shown(value)}, wanted ${shown(most)}`);
      return [what, shown(value), shown(most), isShort ? 'short' : '', beside];
    });
  return rows.length === 0 ? '' : markdown([['', 'measured', 'wanted at most', '', 'real server'], ...rows]);
}

function singlesOf(place: PlaceFigures, peer: PlaceFigures | undefined, burst: number): Single[] {
  const { name } = place;
  const most = (wanted: Wanted): number => wantedOf(wanted, name);
  const seconds = (value: number): string => `${digits(value)} s`;
  const out: Single[] = [];
  const open = place.results[openName];
  if (open) {
    const value = medianOf(open).p99;
    out.push({ what: `${name}: p99 of ${openName}`, value, most: most(wantedOpenMs), beside: '', shown: v => `${ms(v)} ms` });
  }
  if (place.bursts.length > 0) {
    const beside = peer && peer.bursts.length > 0 ? seconds(secondsOf(peer.bursts)) : '';
    out.push({
      what: `${name}: ${burst} ports at once`,
      value: secondsOf(place.bursts),
      most: most(wantedBurstSeconds),
      beside,
      shown: seconds,
    });
  }
  if (place.startMs.length > 0) {
    const beside = peer && peer.startMs.length > 0 ? seconds(median(peer.startMs) / 1000) : '';
    const value = median(place.startMs) / 1000;
    out.push({ what: `${name}: exec to first answer, second start`, value, most: most(wantedStartMs) / 1000, beside, shown: seconds });
  }
  const memory = memoryOf(place, peer);
  return memory ? [...out, memory] : out;
}

const secondsOf = (bursts: readonly Burst[]): number => median(bursts.map(({ seconds }) => seconds));

function memoryOf(place: PlaceFigures, peer: PlaceFigures | undefined): Single | undefined {
  const isEmbedded = place.name === 'embedded';
  const others = isEmbedded ? peer?.idleWholeMib : peer?.idleMib;
  if (place.idleMib === undefined) return undefined;
  const workers = place.idleWholeMib === undefined ? '' : `; ${place.idleWholeMib.toFixed(0)} MiB with its workers`;
  const what = isEmbedded ? "server and one host's agents, idle (PSS)" : `one server process, idle (PSS${workers})`;
  const mib = (value: number): string => `${value.toFixed(0)} MiB`;
  const most = others === undefined ? Number.POSITIVE_INFINITY : others * wantedOf(wantedMemory, place.name);
  const beside = others === undefined ? '' : `${mib(others)} ${isEmbedded ? 'in all' : 'of neutron-server'}`;
  return { what: `${place.name}: ${what}`, value: place.idleMib, most, beside, shown: v => (Number.isFinite(v) ? mib(v) : '') };
}

function figures(places: readonly PlaceFigures[]): string {
  const names = new Set(places.flatMap(({ results }) => Object.keys(results)));
  const rows = [...names].flatMap(name =>
    places.flatMap(place => {
      const results = place.results[name];
      if (!results) return [];
      const r = medianOf(results);
      const cells = [digits(r.operations), digits(r.items), ms(r.p50), ms(r.p95), ms(r.p99), digits(r.cpuMs), digits(r.besideCpuMs)];
      return [[`${name}: ${place.name}`, ...cells, percent(r.clientShare), String(r.errors)]];
    }),
  );
  if (rows.length === 0) return '';
  const columns = ['/s', 'objects/s', 'p50 ms', 'p95 ms', 'p99 ms', 'CPU ms', 'CPU ms beside', 'client', 'errors'];
  return markdown([['', ...columns], ...rows]);
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** Where it may have been the client that was measured. */
function clientWords(places: readonly PlaceFigures[]): string {
  const busy = places.flatMap(({ name, results }) =>
    Object.entries(results).flatMap(([phase, all]) => {
      const { clientShare, operations } = medianOf(all);
      return clientShare > mostOfClient && operations > 0 ? [`${phase} (${name}) ${percent(clientShare)}`] : [];
    }),
  );
  return busy.length === 0 ? '' : `The client took more than a third of one processor in: ${busy.join(', ')}.`;
}

function tokenWords({ tokens, cold, known, peer, peerTokens, asked, together, processes, revokedMs, cacheMs }: TokenPrice): string {
  const row = (name: string, r: Result, questions: string): string[] => [name, digits(r.operations), ms(r.p50), ms(r.p99), questions];
  const table = markdown([
    ['tokens of Keystone', '/s', 'p50 ms', 'p99 ms', 'questions to Keystone'],
    row(`${tokens} for the first time`, cold, String(asked.cold)),
    row('the same again', known, String(asked.known)),
    row(`real server: ${peerTokens} for the first time`, peer, ''),
  ]);
  return `${table}\n\n${together} who use one new token at once, at a server of ${processes} processes: ${asked.together} to Keystone. A revoked token was taken for ${digits(revokedMs / 1000)} s, where answers are believed for ${digits(cacheMs / 1000)} s.`;
}

function failures({ name, results, bursts }: PlaceFigures, { conditions }: Measured): string[] {
  const phases = Object.entries(results).flatMap(([phase, all]) => {
    const { errors, operations } = medianOf(all);
    const none = operations > 0 ? [] : [`${name}: nothing was done in ${phase}`];
    return errors > 0 ? [`${name}: ${errors} errors in ${phase}`, ...none] : none;
  });
  const made = Math.min(conditions.burst, ...bursts.map(burst => burst.made));
  return made < conditions.burst ? [...phases, `${name}: of ${conditions.burst} ports at once ${made} were made`] : phases;
}
