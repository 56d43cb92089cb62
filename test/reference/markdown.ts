// What pages of the reference are put together from.

const made = '<!-- Written by "npm run docs" from the source: change that, not this. -->';

export const code = (text: string): string => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``);
export const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');
export const page = (...parts: readonly string[]): string => `${[made, ...parts.filter(part => part !== '')].join('\n\n')}\n`;
