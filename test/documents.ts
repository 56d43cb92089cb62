// The documentation as data: its links, its headings, and the command lines of `weft` that it shows.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export interface Document {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
}

/** README.md and everything under docs. */
export function readDocuments(root: string): Document[] {
  return ['README.md', ...globSync('docs/**/*.md', { cwd: root }).sort()].map(path => ({
    path,
    text: readFileSync(join(root, path), 'utf8'),
  }));
}

interface Line {
  readonly text: string;
  readonly code: boolean;
}

/** Lines with whether they are in a fenced block; one that ends in a backslash is joined with the next. */
function lines(text: string): Line[] {
  let code = false;
  const found: Line[] = [];
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    if (line.startsWith('```')) code = !code;
    else found.push({ text: line, code });
  }
  return found;
}

/** As GitHub makes them from headings. */
export function anchors(text: string): Set<string> {
  const headings = lines(text).flatMap(line => (line.code ? [] : (/^#+ (.*)$/.exec(line.text)?.[1] ?? [])));
  return new Set(
    headings.map(heading =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Targets of links to files or headings of this project, `[text](target)`, line breaks in the text included. */
export function linksOf(text: string): string[] {
  const prose = lines(text).map(line => (line.code ? '' : line.text.replaceAll(/`[^`]*`/g, '')));
  const targets = [...prose.join('\n').matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '');
  return targets.filter(target => !/^[a-z]+:/.test(target));
}

/** One line for each link that leads nowhere. `read` answers a document's text, '' for what is there but no document, undefined for nothing. */
export function deadLinks({ path, text }: Document, read: (path: string) => string | undefined): string[] {
  return linksOf(text).flatMap(target => {
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : relative('.', join(dirname(path), file));
    const found = read(to);
    if (found === undefined) return [`${path}: ${target} leads to nothing`];
    return anchor === undefined || anchors(found).has(anchor) ? [] : [`${path}: ${target}: no such heading`];
  });
}

/** The words behind `weft` in the code blocks and in `inline code` of a text; `npm start --` is `weft up`. */
export function weftCommands(text: string): string[][] {
  const pieces = lines(text).flatMap(line =>
    line.code ? [line.text] : [...line.text.matchAll(/`([^`]+)`/g)].map(match => match[1] ?? ''),
  );
  return pieces.flatMap(piece => {
    const found = /(?:^|[\s(])(?:bin\/weft|\$ weft|npm start --|^weft|^sudo weft) (.*)$/.exec(piece);
    if (!found) return [];
    return [[...(found[0].includes('npm start') ? ['up'] : []), ...words(found[1] ?? '')]];
  });
}

/** The words of one simple command: quotes are taken off, and what begins with an unquoted | & ; ) or # is left out. */
export function words(command: string): string[] {
  const token = /"([^"]*)"|'([^']*)'|([^\s"'|&;)#]+)|(\s+)|(.)/gy;
  const found: string[] = [];
  let open = false;
  for (const [, double, single, plain, space, other] of command.matchAll(token)) {
    if (other !== undefined) break;
    if (space !== undefined) open = false;
    else {
      const part = double ?? single ?? plain ?? '';
      if (open) found.push(`${found.pop()}${part}`);
      else found.push(part);
      open = true;
    }
  }
  return found;
}
