// Bare limits, and Weft's shares of them, become a table.
import { median, medianOf, type Result } from '../bench/measure.ts';
import { markdown, ms } from '../statistics.ts';

export interface LimitFigures {
  readonly name: string;
  /** Share of the bare rate. */
  readonly wanted?: number;
  /** Round by round. */
  readonly bare: readonly Result[];
  readonly weft: readonly Result[];
}

export interface Limits {
  readonly figures: readonly LimitFigures[];
  readonly lacking: readonly string[];
}

export interface LimitsReport {
  readonly text: string;
  readonly missed: readonly string[];
  readonly wrong: readonly string[];
}

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

/** Of one round each, and of these the median. */
const shareOf = ({ bare, weft }: LimitFigures): number => median(weft.map(({ items }, round) => items / bare[round]!.items));

export function reportLimits({ figures, lacking }: Limits): LimitsReport {
  const missed: string[] = [];
  const rows = figures.map(figure => {
    const { name, wanted, bare, weft } = figure;
    const limit = medianOf(bare);
    const cells = [name, digits(limit.items), ms(limit.p50), ms(limit.p99)];
    if (weft.length === 0) return [...cells, '', '', '', '', ''];
    const share = shareOf(figure);
    const isShort = wanted !== undefined && !(share >= wanted);
    if (isShort) missed.push(`${name}: ${percent(share)} of the bare limit, wanted ${percent(wanted)}`);
    const own = medianOf(weft);
    return [...cells, digits(own.items), ms(own.p50), percent(share), wanted === undefined ? '' : percent(wanted), isShort ? 'short' : ''];
  });
  const wrong = figures.flatMap(({ name, bare, weft }) => [
    ...failuresOf(name, bare),
    ...(weft.length > 0 ? failuresOf(`${name}, Weft`, weft) : []),
  ]);
  const head = ['', 'bare, objects/s', 'p50 ms', 'p99 ms', 'Weft, objects/s', 'p50 ms', 'share', 'wanted', ''];
  const told = [
    ...(lacking.length > 0 ? [`Not measured: ${lacking.join('; ')}.`] : []),
    ...(wrong.length > 0 ? [`Went wrong: ${wrong.join('; ')}.`] : []),
    ...(missed.length > 0 ? [`Missed: ${missed.join('; ')}.`] : []),
  ];
  return { text: [markdown([head, ...rows]), ...told].join('\n\n'), missed, wrong };
}

function failuresOf(name: string, results: readonly Result[]): string[] {
  const { errors, operations } = medianOf(results);
  return [...(errors > 0 ? [`${errors} errors in ${name}`] : []), ...(operations > 0 ? [] : [`nothing was done in ${name}`])];
}
