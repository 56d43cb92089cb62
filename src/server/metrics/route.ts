// A path as a label: what is a word of the API stays, and what a client put in is a placeholder, so that there are few.
import type { Resource } from '../../model/kit/resource.ts';

const words = ['v2.0', 'identity', 'networking', 'healthcheck', 'extensions', 'quotas', 'tags', 'default', 'details', 'openapi.json'];

export function routes(resources: readonly Resource[]): (path: string) => string {
  const known = new Set([...words, ...resources.flatMap(({ path, actions }) => [...path.split('/'), ...Object.keys(actions ?? {})])]);
  const label = (segment: string): string => {
    const word = segment.replace(/\.json$/, '');
    return segment === '' || known.has(segment) ? segment : known.has(word) ? word : '{id}';
  };
  return path => {
    const [first = '', ...rest] = path.split('/').slice(1, 8);
    return first !== '' && !known.has(first) ? '/{other}' : `/${[first, ...rest.map(label)].join('/')}`;
  };
}
