// The few URLs that are not those of a resource: discovery, quotas, and what agents serve.
import type { Resource } from '../../model/kit/resource.ts';
import type { Paths } from './collections.ts';
import { operation, pathParameter, ref, schemaName, wrapped } from './operation.ts';
import type { Schema } from './schema.ts';

export function fixedPaths(resources: readonly Resource[]): Paths {
  return { ...discovery(), ...quotas(resources), ...(resources.some(r => r.name === 'agent') ? schedulers(resources) : {}) };
}

const item: Schema = { type: 'object' };
const listOf = (key: string, items: Schema = item): Schema => wrapped(key, { type: 'array', items });

function discovery(): Paths {
  const tag = 'extensions';
  return {
    '/': { get: operation({ id: 'list_resources', summary: 'Names of the core resources', tag, answer: listOf('resources') }) },
    '/openapi.json': { get: { ...operation({ id: 'openapi', summary: 'This document', tag, answer: item }), security: [] } },
    '/extensions': { get: operation({ id: 'list_extensions', summary: 'List extensions', tag, answer: listOf('extensions') }) },
    '/extensions/{alias}': {
      parameters: [pathParameter('alias')],
      get: operation({ id: 'show_extension', summary: 'Show an extension', tag, answer: wrapped('extension', item) }),
    },
  };
}

function quotas(resources: readonly Resource[]): Paths {
  const counted = resources.filter(r => r.quota !== undefined).map(r => r.name);
  const limit: Schema = { type: 'integer', minimum: -1, maximum: 2_147_483_647 };
  const limits: Schema = { type: 'object', properties: Object.fromEntries(counted.map(name => [name, limit])) };
  const use: Schema = { type: 'object', properties: { limit, used: { type: 'integer' }, reserved: { type: 'integer' } } };
  const details: Schema = { type: 'object', properties: Object.fromEntries(counted.map(name => [name, use])) };
  const flags = { check_limit: { type: 'boolean' }, force: { type: 'boolean' } };
  const given: Schema = { ...limits, properties: { ...(limits.properties as object), ...flags } };
  const of = [pathParameter('project_id')];
  const op = (id: string, summary: string, answer: Schema | undefined, more: { body?: Schema; status?: number } = {}): Schema =>
    operation({ id, summary, tag: 'quotas', answer, ...more });
  return {
    '/quotas': { get: op('list_quotas', 'Projects with limits of their own', listOf('quotas', limits)) },
    '/quotas/{project_id}': {
      parameters: of,
      get: op('show_quota', 'The limits of a project', wrapped('quota', limits)),
      put: op('update_quota', 'Set limits', wrapped('quota', limits), { body: wrapped('quota', given) }),
      delete: op('delete_quota', 'Go back to the defaults', undefined, { status: 204 }),
    },
    '/quotas/{project_id}/default': { parameters: of, get: op('default_quota', 'The default limits', wrapped('quota', limits)) },
    '/quotas/{project_id}/details': { parameters: of, get: op('quota_details', 'Limits and what is used', wrapped('quota', details)) },
  };
}

function schedulers(resources: readonly Resource[]): Paths {
  const op = (id: string, summary: string, more: { answer?: Schema; body?: Schema; status?: number }): Schema =>
    operation({ id, summary, tag: 'agents', ...more });
  const shown = (plural: string): Schema => {
    const resource = resources.find(r => r.plural === plural);
    return listOf(plural, resource ? ref('schemas', schemaName(resource.name)) : item);
  };
  const served = (path: string, plural: string, key: string): Paths => ({
    [`/agents/{agent_id}/${path}`]: {
      parameters: [pathParameter('agent_id')],
      get: op(`list_agent_${plural}`, `What the agent serves: ${plural}`, { answer: shown(plural) }),
      post: op(`add_agent_${plural}`, 'Give it to the agent', { body: wrapped(key, { type: 'string', format: 'uuid' }), status: 201 }),
    },
    [`/agents/{agent_id}/${path}/{${key}}`]: {
      parameters: [pathParameter('agent_id'), pathParameter(key)],
      delete: op(`remove_agent_${plural}`, 'Take it from the agent', { status: 204 }),
    },
  });
  const serving = (collection: string, key: string, path: string): Paths => ({
    [`/${collection}/{${key}}/${path}`]: {
      parameters: [pathParameter(key)],
      get: op(`list_${collection}_${path.replace('-', '_')}`, `The agents of one of the ${collection}`, { answer: shown('agents') }),
    },
  });
  return {
    ...served('dhcp-networks', 'networks', 'network_id'),
    ...served('l3-routers', 'routers', 'router_id'),
    ...serving('networks', 'network_id', 'dhcp-agents'),
    ...serving('routers', 'router_id', 'l3-agents'),
  };
}
