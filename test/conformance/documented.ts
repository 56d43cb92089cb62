// Differences that are meant: the tables of docs/conformance.md, up to the one of aliases, whose first column is a pattern in backticks, `*` standing for anything and `{a,b}` for one of these.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Documented {
  readonly pattern: string;
  readonly why: string;
  matches(text: string): boolean;
}

export function readDocumented(text: string): Documented[] {
  let last = '';
  return text.split('\n').flatMap(line => {
    const [, pattern, given] = /^\| `([^`]+)` \| (.+) \|$/.exec(line) ?? [];
    if (pattern === undefined || given === undefined) return [];
    const why = given === 'the same' ? last : given;
    last = why;
    const form = new RegExp(
      `^${pattern
        .split(/(\{[^{}]*\})/)
        .map(wild)
        .join('')}$`,
    );
    return [{ pattern, why, matches: (text: string) => form.test(text) }];
  });
}

/** `*` is anything, `{a,b}` one of these. */
function wild(part: string): string {
  const words = /^\{(.*,.*)\}$/.exec(part)?.[1]?.split(',');
  return words ? `(?:${words.map(starred).join('|')})` : starred(part);
}

const starred = (text: string): string => text.split('*').map(literally).join('[^]*');
const literally = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

export function documentedDifferences(): Documented[] {
  return readDocumented(readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8').split('\n## Aliases\n')[0] as string);
}
