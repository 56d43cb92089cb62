// What a client asks before it asks for anything else: versions, resources, extensions.
import type { Extension, Resource } from '../../model/kit/resource.ts';
import { notFoundPage, type Reply } from './reply.ts';

export function versions(base: string, prefix: string): Reply {
  return {
    status: 200,
    json: { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${base}${prefix}/v2.0/` }] }] },
  };
}

const core = ['subnet', 'network', 'port'];

export function rootResources(base: string, prefix: string, resources: readonly Resource[]): Reply {
  const listed = resources.filter(r => core.includes(r.name));
  return {
    status: 200,
    json: {
      resources: listed.map(r => ({
        name: r.name,
        collection: r.plural,
        links: [{ rel: 'self', href: `${base}${prefix}/v2.0/${r.path}` }],
      })),
    },
  };
}

const shown = ({ alias, name, description, updated }: Extension): unknown => ({ name, alias, description, updated, links: [] });

export function extensionList(extensions: readonly Extension[]): Reply {
  return { status: 200, json: { extensions: extensions.map(shown) } };
}

export function extension(extensions: readonly Extension[], alias: string, accept: string): Reply {
  const found = extensions.find(e => e.alias === alias);
  return found ? { status: 200, json: { extension: shown(found) } } : notFoundPage(`Extension with alias ${alias} does not exist`, accept);
}
