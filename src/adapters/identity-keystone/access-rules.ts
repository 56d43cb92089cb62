// Access rules of application credentials: which requests to which service a token is good for. Patterns are those of Keystone's API
// reference: `{name}` and `*` stand for one part of the path, `**` for any number of them.

export interface AccessRule {
  readonly method: string;
  readonly path: string;
  /** A service type: `network`. */
  readonly service: string;
}

/** No path of an API is longer. */
const longestPath = 4096;

export function isAllowed(rules: readonly AccessRule[], service: string, { method, path }: { method: string; path: string }): boolean {
  if (path.length > longestPath) return false;
  return rules.some(rule => rule.service === service && rule.method === method && matches(piecesOf(rule.path), path));
}

/** A character by itself, or what stands for several. */
type Piece = { readonly text: string } | 'part' | 'parts';

const words = /(?<part>\{[^}]*\}|(?<!\*)\*(?!\*))|(?<parts>\*\*)|(?<text>.)/gs;

function piecesOf(pattern: string): Piece[] {
  return [...pattern.matchAll(words)].map(({ groups = {} }) =>
    groups['part'] !== undefined ? 'part' : groups['parts'] !== undefined ? 'parts' : { text: groups['text'] ?? '' },
  );
}

/** All ways at once: patterns are of users' making, and a regular expression would try one after another, for ever perhaps. */
function matches(pieces: readonly Piece[], path: string): boolean {
  let places = from(pieces, 0, new Set());
  for (let at = 0; at < path.length && places.size > 0; at++) {
    const next = new Set<number>();
    for (const place of places) {
      const piece = pieces[place];
      if (piece === 'parts') from(pieces, place, next);
      else if (piece === 'part' && path[at] !== '/') from(pieces, place + 1, next).add(place);
      else if (typeof piece === 'object' && piece.text === path[at]) from(pieces, place + 1, next);
    }
    places = next;
  }
  return places.has(pieces.length);
}

/** `**` may stand for nothing. */
function from(pieces: readonly Piece[], place: number, places: Set<number>): Set<number> {
  places.add(place);
  return pieces[place] === 'parts' ? from(pieces, place + 1, places) : places;
}
