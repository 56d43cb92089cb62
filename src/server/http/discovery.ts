// What a client asks before it asks for anything else: versions, resources, extensions.
import { openApi } from '../../domain/openapi/document.ts';
import type { Extension, Resource } from '../../model/kit/resource.ts';
import { notFoundPage, type Reply } from './reply.ts';

export function versions(base: string, prefix: string): Reply {
  return {
    status: 200,
    json: { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${base}${prefix}/v2.0/` }] }] },
  };
}

const core = ['network', 'subnet', 'subnetpool', 'port'];

export function rootResources(base: string, prefix: string, resources: readonly Resource[]): Reply {
  const listed = core.map(name => resources.find(r => r.name === name)).filter(r => r !== undefined);
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

/** Says nothing that the documentation does not say, so it asks for no token. Made once; only where the server is differs. */
export function openApiDocument(api: {
  readonly resources: readonly Resource[];
  readonly extensions: readonly Extension[];
}): (server: string) => Reply {
  const nowhere = 'http://server.invalid';
  let text: string | undefined;
  return server => {
    text ??= JSON.stringify(openApi(api, nowhere));
    return { status: 200, text: text.replace(nowhere, () => server), headers: { 'content-type': 'application/json' } };
  };
}
