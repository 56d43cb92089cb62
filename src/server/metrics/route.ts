// A path as a label: one of the routes that there are, so that no client can make more of them.
import type { Resource } from '../../model/kit/resource.ts';

const fixed = ['extensions', 'extensions/{id}', 'quotas', 'quotas/{id}', 'quotas/{id}/default', 'quotas/{id}/details', 'openapi.json'];
const ofAgents = ['agents/{id}/dhcp-networks', 'agents/{id}/l3-routers'];
const scheduled = [...ofAgents, ...ofAgents.map(path => `${path}/{id}`), 'networks/{id}/dhcp-agents', 'routers/{id}/l3-agents'];
const elsewhere = '/{other}';

/** As in URLs, where dashes and underscores are the same. */
const canonical = (segment: string): string => segment.replaceAll('_', '-');

export function routes(resources: readonly Resource[]): (path: string) => string {
  const top = resources.filter(({ parent, aliasOf }) => !parent || aliasOf);
  const all = [...fixed, ...scheduled, ...top.flatMap(resource => below(resource, resource.path, resources))].map(path => `v2.0/${path}`);
  const known = new Map(
    ['', 'v2.0', 'v2.0/', 'healthcheck', ...all].flatMap(path => [path, `networking/${path}`]).map(p => [canonical(p), `/${p}`]),
  );
  const words = new Set([...known.keys()].flatMap(path => path.split('/')));
  return path => {
    const segments = path
      .replace(/^\//, '')
      .replace(/\.json$/, s => (path.endsWith('/openapi.json') ? s : ''))
      .split('/', 9)
      .map(canonical);
    if (segments[0] === 'identity') return '/identity';
    return known.get(segments.map(segment => (words.has(segment) ? segment : '{id}')).join('/')) ?? elsewhere;
  };
}

/** Of a collection, its members, and what is below them. */
function below({ name, actions, taggable }: Resource, path: string, resources: readonly Resource[]): string[] {
  const member = `${path}/{id}`;
  const children = resources.filter(({ parent, aliasOf }) => parent?.resource === name && !aliasOf);
  return [
    ...[path, member, ...Object.keys(actions).map(action => `${member}/${action}`)],
    ...(taggable ? [`${member}/tags`, `${member}/tags/{id}`] : []),
    ...children.flatMap(child => below(child, `${member}/${child.path}`, resources)),
  ];
}
