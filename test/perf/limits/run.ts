// One run of the limits: the bare one and Weft's in turns, round by round.
import { closedLoop, type Result, type Serial, type Timing } from '../bench/measure.ts';
import { Remaining } from '../bench/remaining.ts';
import { type Asked, openMeasures } from './measures.ts';
import type { LimitFigures, Limits } from './report.ts';

export interface LimitsOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: number;
  readonly ports: number;
  readonly queues: number;
  readonly only: readonly string[];
  readonly nodeOptions: readonly string[];
}

/** Opening all of it, in ms. */
const openingMs = 60_000;

export async function runLimits(options: LimitsOptions, progress: (line: string) => void, signal: AbortSignal): Promise<Limits> {
  await using stack = new AsyncDisposableStack();
  const { rounds, only } = options;
  const measuredMs = options.seconds * 1000;
  const timing = { warmUpMs: Math.min(2000, measuredMs), measuredMs, signal };
  const remaining = new Remaining(progress);
  remaining.expect('opening', openingMs);
  const { all, lacking } = await remaining.step('opening', () => openMeasures({ ...options, progress, signal }, stack));
  const chosen = all.filter(({ name }) => only.length === 0 || only.some(part => name.includes(part)));
  const figures = chosen.map(({ name, wanted }) => ({ name, ...(wanted === undefined ? {} : { wanted }), bare: [], weft: [] }) as Mutable);
  for (const { name, weft } of chosen) {
    remaining.expect(name, timing.warmUpMs + measuredMs, rounds);
    if (weft) remaining.expect(`${name}, Weft`, timing.warmUpMs + measuredMs, rounds);
  }
  const serials = new Map<Asked, Serial>();
  for (let round = 0; round < rounds; round++)
    for (const [at, { name, bare, weft }] of chosen.entries()) {
      const turns = [
        { name, asked: bare, into: figures[at]!.bare },
        ...(weft ? [{ name: `${name}, Weft`, asked: weft, into: figures[at]!.weft }] : []),
      ];
      // Nobody is always the first.
      for (const { name: what, asked, into } of round % 2 === 0 ? turns : turns.toReversed())
        into.push(await remaining.step(what, () => measureOne(asked, serials, timing)));
    }
  return { figures, lacking };
}

interface Mutable extends LimitFigures {
  readonly bare: Result[];
  readonly weft: Result[];
}

function measureOne(asked: Asked, serials: Map<Asked, Serial>, timing: Omit<Timing, 'clients'>): Promise<Result> {
  const serial = serials.get(asked) ?? { next: 0 };
  serials.set(asked, serial);
  return closedLoop(asked.server, asked.operation, serial, { ...timing, clients: asked.clients });
}
