// Access rules of application credentials: which requests to which service a token is good for. Patterns are those of Keystone's API
// reference: `{name}` and `*` stand for one part of the path, `**` for any number of them.

export interface AccessRule {
  readonly method: string;
  readonly path: string;
  /** A service type: `network`. */
  readonly service: string;
}

export function isAllowed(rules: readonly AccessRule[], service: string, { method, path }: { method: string; path: string }): boolean {
  return rules.some(rule => rule.service === service && rule.method === method && patternOf(rule.path).test(path));
}

const words = /(?<part>\{[^}]*\}|(?<!\*)\*(?!\*))|(?<parts>\*\*)|(?<text>.)/gs;

function patternOf(path: string): RegExp {
  const source = path.replaceAll(words, (word, ...rest: unknown[]) => {
    const { part, parts } = rest.at(-1) as { part?: string; parts?: string };
    if (part !== undefined) return '[^/]+';
    return parts === undefined ? word.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : '.*';
  });
  return new RegExp(`^${source}$`, 's');
}
