// A plot as SVG, by hand: lines over a logarithmic axis, readable on light and on dark ground.

export interface Line {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Where the values of x are marked. */
  readonly ticks: readonly number[];
  /** A value of y that lines should stay below. */
  readonly limit: number;
  readonly lines: readonly Line[];
}

const width = 860;
const row = 18;
const box = { left: 60, right: 600, top: 46 };
/** Told apart on both grounds, also by people who see no red. */
const colours = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#8a7a00', '#7570b3'];
const dashes = ['', '6 3', '2 3'];

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
export const short = (value: number): string => (value >= 1000 ? `${value / 1000}k` : String(value));
const at = (value: number): string => value.toFixed(1);

/** The text of a file. */
export function svgOf({ title, xLabel, yLabel, ticks, limit, lines }: Plot): string {
  const bottom = Math.max(360, box.top + lines.length * row);
  const highest = Math.max(limit, ...lines.flatMap(({ points }) => points.map(({ y }) => y))) * 1.1;
  const [low, high] = [Math.log(Math.min(...ticks)), Math.log(Math.max(...ticks))];
  const x = (value: number): number => box.left + ((Math.log(value) - low) / (high - low || 1)) * (box.right - box.left);
  const y = (value: number): number => bottom - (value / highest) * (bottom - box.top);
  const step = stepOf(highest);
  const marks = Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => Number((i * step).toFixed(10)));
  const style = (i: number): string => {
    const dash = dashes[Math.floor(i / colours.length) % dashes.length];
    return `stroke="${colours[i % colours.length]}"${dash ? ` stroke-dasharray="${dash}"` : ''}`;
  };
  const text = (left: number, top: number, words: string, anchor = 'middle'): string =>
    `<text x="${at(left)}" y="${at(top)}" text-anchor="${anchor}">${escaped(words)}</text>`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${bottom + 50}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:12px sans-serif;fill:#24292f}.grid{stroke:#d0d7de}.limit{stroke:#cf222e}path{fill:none;stroke-width:2}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.limit{stroke:#ff7b72}}</style>',
    text(box.left, 24, title, 'start'),
    ...marks.flatMap(mark => [
      `<line class="grid" x1="${box.left}" x2="${box.right}" y1="${at(y(mark))}" y2="${at(y(mark))}"/>`,
      text(box.left - 8, y(mark) + 4, String(mark), 'end'),
    ]),
    ...ticks.flatMap(tick => [
      `<line class="grid" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${box.top}" y2="${bottom}"/>`,
      text(x(tick), bottom + 18, short(tick)),
    ]),
    `<line class="limit" stroke-dasharray="8 4" x1="${box.left}" x2="${box.right}" y1="${at(y(limit))}" y2="${at(y(limit))}"/>`,
    text((box.left + box.right) / 2, bottom + 38, xLabel),
    text(box.left, box.top - 6, yLabel, 'start'),
    ...lines.flatMap(({ name, points }, i) => [
      `<path ${style(i)} d="${points.map((p, n) => `${n === 0 ? 'M' : 'L'}${at(x(p.x))} ${at(y(p.y))}`).join(' ')}"/>`,
      `<path ${style(i)} d="M${box.right + 16} ${box.top + i * row} h22"/>`,
      text(box.right + 46, box.top + i * row + 4, name, 'start'),
    ]),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

/** Between five and ten lines of the grid. */
function stepOf(highest: number): number {
  const ten = 10 ** Math.floor(Math.log10(highest));
  return [0.1, 0.2, 0.5, 1].map(part => part * ten).find(step => highest / step <= 10) ?? ten;
}
