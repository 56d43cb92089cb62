// One run of the benchmark: servers are started, measured in turns, and ended.
import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from './client.ts';
import { idleOf, inOneProcess, settleMs, withOneHost } from './idle.ts';
import { priceOfTokens, type TokenPrice } from './keystone.ts';
import { medianOf, type Timing } from './measure.ts';
import { type BenchOptions, wants } from './options.ts';
import { type Peer, startPeer } from './peer.ts';
import { coldName, created, openName, Place } from './place.ts';
import { pssMib } from './processes.ts';
import { Remaining } from './remaining.ts';
import type { Burst, PlaceFigures } from './report.ts';
import { secondStart } from './second-start.ts';
import { type Server, startWeft, type WeftShape } from './servers.ts';
import { ground } from './shapes.ts';
import { phaseNames as clientPhases, type Phase, World, wholeList } from './world.ts';

export interface Outcome {
  readonly places: readonly PlaceFigures[];
  readonly tokens?: TokenPrice;
}

/** What is measured beside the phases of clients, as `--only` names it. */
const [idle, burst, start, tokens] = ['idle memory', 'burst', 'second start', 'tokens of Keystone'] as const;
/** The cold list comes before the others, since it makes all texts anew. */
const phaseNames: readonly string[] = clientPhases.flatMap(name => (name === wholeList ? [coldName, name] : [name]));
/** All that `--only` can name. */
export const measurements: readonly string[] = [...phaseNames, openName, idle, burst, start, tokens];
/** What takes the real server longer than a phase's time, in ms: it is waited for, in the first round alone. */
const slow: Readonly<Record<string, number>> = { '50 ports in one POST': 90_000 };
/** Of the first of their name, in ms. */
const guess = {
  packages: 60_000,
  ground: 12_000,
  fill: 170_000,
  idle: settleMs + 4000,
  start: 5000,
  tokens: 100_000,
  burst: 2000,
  peerBurst: 120_000,
};

/** Of subnets for routers and ports for floating IPs: more than are used up in a phase. */
const stock = { peer: 100, weft: 5000 };

interface Session {
  readonly options: BenchOptions;
  readonly timing: Timing;
  readonly signal: AbortSignal;
  readonly remaining: Remaining;
  readonly progress: (line: string) => void;
}

/** A server of Weft's with its figures so far. */
interface Shaped {
  readonly shape: WeftShape;
  readonly place: Place;
}

interface Extras {
  readonly bursts: Burst[];
  readonly startMs: number[];
  idleMib?: number;
  idleWholeMib?: number;
}

export async function runBench(options: BenchOptions, progress: (line: string) => void, signal: AbortSignal): Promise<Outcome> {
  const measuredMs = options.seconds * 1000;
  const timing = { warmUpMs: Math.min(2000, measuredMs), measuredMs, clients: options.clients, signal };
  const session: Session = { options, timing, signal, progress, remaining: new Remaining(progress) };
  await using stack = new AsyncDisposableStack();
  announce(session);
  const peer = options.withPeer ? await session.remaining.step('real server', () => startPeer(progress, signal)) : undefined;
  if (peer) stack.use(peer);
  else progress('no real server beside this one');
  const shapes: WeftShape[] = [];
  for (const name of options.shapes) {
    shapes.push(await session.remaining.step(`ground of ${name}`, () => ground(name, peer, options.nodeOptions, stack)));
    signal.throwIfAborted();
  }
  const extras = new Map(['peer', ...options.shapes].map(name => [name, { bursts: [], startMs: [] } as Extras]));
  if (wants(options, idle)) await memory(session, peer, shapes, extras);
  const own = await openPlaces(session, shapes, stack);
  const places = [...(peer ? [new Place(peer, worldOf(session, peer, stock.peer))] : []), ...own.map(({ place }) => place)];
  await session.remaining.step('filling', () => Promise.all(places.map(({ world }) => world.prepare())));
  await rounds(session, places);
  await openLoops(session, own);
  if (wants(options, burst)) await bursts(session, places, extras);
  if (wants(options, start)) await starts(session, peer, own, extras);
  const price = peer && wants(options, tokens) ? await tokensOf(session, peer, shapes) : undefined;
  return {
    places: places.map(({ name, results }) => ({
      name,
      isPeer: name === 'peer',
      results: Object.fromEntries(results),
      ...extras.get(name)!,
    })),
    ...(price ? { tokens: price } : {}),
  };
}

/** What will come, for how long it takes. */
function announce({ options, timing, remaining }: Session): void {
  const { rounds, shapes, withPeer } = options;
  // The first of them warms up longer.
  const phaseMs = timing.warmUpMs / 2 + timing.measuredMs;
  if (withPeer) remaining.expect('real server', guess.packages);
  for (const shape of shapes) remaining.expect(`ground of ${shape}`, guess.ground);
  remaining.expect('filling', withPeer ? guess.fill : guess.start);
  if (wants(options, idle))
    remaining.expect(idle, guess.idle, 2 * shapes.length - (shapes.includes('embedded') ? 1 : 0) + (withPeer ? 1 : 0));
  for (const name of phaseNames.filter(each => wants(options, each))) {
    for (const shape of shapes) remaining.expect(`${shape}: ${name}`, phaseMs, rounds);
    if (withPeer && name !== coldName) remaining.expect(`peer: ${name}`, slow[name] ?? phaseMs * 1.3, name in slow ? 1 : rounds);
  }
  for (const shape of shapes) {
    if (wants(options, openName)) remaining.expect(`${shape}: ${openName}`, timing.measuredMs, rounds);
    if (wants(options, burst)) remaining.expect(`${shape}: ${burst}`, guess.burst, rounds);
    if (wants(options, start)) remaining.expect(`${shape}: ${start}`, guess.start, rounds);
  }
  if (withPeer && wants(options, burst)) remaining.expect(`peer: ${burst}`, guess.peerBurst);
  if (withPeer && wants(options, start)) remaining.expect(`peer: ${start}`, guess.start, rounds);
  if (withPeer && wants(options, tokens)) remaining.expect(tokens, guess.tokens);
}

const worldOf = ({ options: { clients, ports }, progress, signal }: Session, server: Server, stock: number): World =>
  new World(server.target, { clients, ports, stock, progress, signal });

async function openPlaces(session: Session, shapes: readonly WeftShape[], stack: AsyncDisposableStack): Promise<Shaped[]> {
  const out: Shaped[] = [];
  for (const shape of shapes) {
    const server = stack.use(await startWeft(shape, session.signal));
    out.push({ shape, place: new Place(server, worldOf(session, server, stock.weft)) });
  }
  return out;
}

/** Before anything is asked of them. */
async function memory(
  { remaining, signal }: Session,
  peer: Peer | undefined,
  shapes: readonly WeftShape[],
  extras: ReadonlyMap<string, Extras>,
): Promise<void> {
  if (peer)
    await remaining.step(idle, async () => {
      await sleep(settleMs, undefined, { signal });
      const its = extras.get('peer')!;
      its.idleMib = pssMib(peer.processes);
      its.idleWholeMib = its.idleMib + pssMib(peer.beside);
    });
  for (const shape of shapes) {
    const its = extras.get(shape.name)!;
    if (shape.name === 'embedded') its.idleMib = await remaining.step(idle, () => idleOf(withOneHost(shape), signal));
    else {
      its.idleMib = await remaining.step(idle, () => idleOf(inOneProcess(shape), signal));
      its.idleWholeMib = await remaining.step(idle, () => idleOf(shape, signal));
    }
  }
}

async function rounds({ options, timing, remaining }: Session, places: readonly Place[]): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    const lists = new Map(places.map(place => [place, place.world.phases()]));
    for (const [at, name] of phaseNames.entries()) {
      if (!wants(options, name)) continue;
      // Nobody is always the first after a pause.
      for (let i = 0; i < places.length; i++) {
        const place = places[(i + round + at) % places.length]!;
        if (place.name === 'peer' && name in slow && round > 0) continue;
        const phase = lists.get(place)!.find(each => each.name === (name === coldName ? wholeList : name)) as Phase;
        if (name !== coldName) await remaining.step(`${place.name}: ${name}`, () => place.measure(phase, timing));
        else if (place.name !== 'peer') await remaining.step(`${place.name}: ${name}`, () => place.measureCold(phase, timing));
      }
    }
  }
}

/** How long questions wait at half the rate that was reached. */
async function openLoops({ options, timing, remaining }: Session, own: readonly Shaped[]): Promise<void> {
  if (!wants(options, openName)) return;
  for (let round = 0; round < options.rounds; round++)
    for (const { place } of own) {
      const reached = place.results.get(created);
      if (!reached) continue;
      const rate = medianOf(reached).operations / 2;
      await remaining.step(`${place.name}: ${openName}`, () => place.measureOpen(timing, rate));
    }
}

async function bursts(
  { options, remaining, signal }: Session,
  places: readonly Place[],
  extras: ReadonlyMap<string, Extras>,
): Promise<void> {
  for (let round = 0; round < options.rounds; round++)
    for (const { name, server, world } of places) {
      if (name === 'peer' && round > 0) continue;
      signal.throwIfAborted();
      using api = new Api(server.target, options.burst);
      const { ms, made } = await remaining.step(`${name}: ${burst}`, () => world.burst(api, options.burst));
      extras.get(name)!.bursts.push({ seconds: ms / 1000, made });
    }
}

async function starts(
  { options, remaining, signal }: Session,
  peer: Peer | undefined,
  own: readonly Shaped[],
  extras: ReadonlyMap<string, Extras>,
): Promise<void> {
  for (let round = 0; round < options.rounds; round++) {
    for (const { shape } of own) {
      const ms = await remaining.step(`${shape.name}: ${start}`, () => secondStart(shape, signal));
      extras.get(shape.name)!.startMs.push(ms);
    }
    if (peer) extras.get('peer')!.startMs.push(await remaining.step(`peer: ${start}`, () => peer.again()));
  }
}

async function tokensOf(
  { options, remaining, progress, signal }: Session,
  peer: Peer,
  shapes: readonly WeftShape[],
): Promise<TokenPrice | undefined> {
  const shape = shapes.find(({ name }) => name === 'mariadb');
  if (!shape) return undefined;
  const { clients } = options;
  return remaining.step(tokens, () => priceOfTokens(shape, peer, { tokens: options.tokens, clients, progress, signal }));
}
