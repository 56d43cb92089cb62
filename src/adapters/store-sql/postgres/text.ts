// PostgreSQL's texts have no NUL, those of the contract do: it is written as two characters of U+0001, and U+0001 as itself and U+0002. Equal texts
// stay equal, different ones different, and their order is the same, since what begins with U+0001 comes before everything else.

export function toPostgres(text: string): string {
  if (!text.includes('\0') && !text.includes('\u0001')) return text;
  return text.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001');
}

export function fromPostgres(text: string): string {
  if (!text.includes('\u0001')) return text;
  return text.replace(/\u0001[\u0001\u0002]/g, pair => (pair[1] === '\u0001' ? '\0' : '\u0001'));
}
