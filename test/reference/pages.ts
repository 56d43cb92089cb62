// The reference as pages, written from the model: a page for each resource, one of errors, one of options, and what leads to them.
import type { ErrorRow } from '../../src/domain/errors/row.ts';
import { catalog } from '../../src/domain/errors.ts';
import type { Extension, Field, Resource } from '../../src/model/kit/resource.ts';
import { policies } from '../../src/model/policies.ts';
import { extensions, resources } from '../../src/model/registry.ts';
import { configurationPage } from './configuration.ts';
import { cell, code, page, table } from './markdown.ts';
import { typeText } from './type-text.ts';

export interface Page {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
}

const folder = 'docs/reference';
const fileOf = (resource: Resource): string => `${resource.parent ? `${resource.parent.resource}_` : ''}${resource.plural}.md`;

export function referencePages(): Page[] {
  return [
    { path: `${folder}/README.md`, text: index() },
    { path: `${folder}/extensions.md`, text: extensionPage() },
    { path: `${folder}/errors.md`, text: errorPage() },
    { path: `${folder}/configuration.md`, text: configurationPage() },
    ...resources.map(resource => ({ path: `${folder}/${fileOf(resource)}`, text: resourcePage(resource) })),
  ];
}

function index(): string {
  const rows = resources
    .map(resource => [`[${resource.plural}](${fileOf(resource)})`, code(urlOf(resource))])
    .toSorted((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
  return page(
    '# Reference',
    'Every resource with its attributes, its URLs and the policy rules that are asked; [extensions](extensions.md); [errors](errors.md); [options of configuration files](configuration.md). The same for programs: `GET /v2.0/openapi.json`.',
    table(['resource', 'collection'], rows),
  );
}

function extensionPage(): string {
  const rows = extensions
    .map(e => [code(e.alias), cell(e.name), cell(e.description), Object.keys(e.adds ?? {}).join(', '), code(e.plugin ?? '')])
    .toSorted((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
  return page('# Extensions', table(['alias', 'name', 'what it is', 'adds attributes to', 'plug-in'], rows));
}

function errorPage(): string {
  const rows = Object.entries(catalog as Readonly<Record<string, ErrorRow>>)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, row]) => [code(type), String(row.status), cell(textOf(row))]);
  return page(
    '# Errors',
    'An answer that refuses is `{"NeutronError": {"type": …, "message": …, "detail": ""}}`. Words in angle brackets stand for what the request was about.',
    table(['type', 'status', 'message'], rows),
  );
}

/** The text of a row with the names of its parameters in their places. */
function textOf(row: ErrorRow): string {
  const names = new Proxy({}, { get: (_, name) => `&lt;${String(name)}&gt;` });
  return (row.text as (parameters: unknown) => string)(names);
}

function urlOf(resource: Resource): string {
  const parent = resources.find(r => r.name === resource.parent?.resource);
  return parent ? `${urlOf(parent)}/{${parent.name}_id}/${resource.path}` : `/v2.0/${resource.path}`;
}

function resourcePage(resource: Resource): string {
  const { name, plural, bulk, quota, taggable, standard, notFound } = resource;
  const facts = [
    bulk && resource.verbs.includes('create') ? `Several may be created in one request, all or none: \`{"${name}s": […]}\`.` : '',
    standard ? 'It has a revision: `If-Match: revision_number=N` guards changes.' : '',
    taggable ? 'It has tags: `…/tags` and `…/tags/{tag}`; lists are filtered by `tags`, `tags-any`, `not-tags`, `not-tags-any`.' : '',
    quota === undefined ? '' : `Quota \`${name}\`: ${quota === -1 ? 'no limit' : quota} by default.`,
    notFound ? `Where there is none: 404 \`${notFound.type}\`.` : '',
  ].filter(text => text !== '');
  return page(
    `# ${plural}`,
    table(['request', 'policy rule', 'default'], requestsOf(resource)),
    facts.join(' '),
    '## Attributes',
    '**c** may be given on create (**C** must), **u** on update, **f** is a filter, **s** a sort key. The project of a new object is the caller’s own unless an administrator names another.',
    table(['attribute', 'type', '', 'default', 'extension', 'policy rules of its own'], attributesOf(resource)),
  );
}

function requestsOf(resource: Resource): string[][] {
  const { policyName, actions } = resource;
  const url = urlOf(resource);
  const member = `${url}/{${resource.key === 'id' ? 'id' : resource.key}}`;
  const verbs = {
    list: ['GET', url, `get_${policyName}`],
    show: ['GET', member, `get_${policyName}`],
    create: ['POST', url, `create_${policyName}`],
    update: ['PUT', member, `update_${policyName}`],
    delete: ['DELETE', member, `delete_${policyName}`],
  } as const;
  return [
    ...resource.verbs.map(verb => verbs[verb]),
    ...Object.entries(actions).map(([action, method]) => [method, `${member}/${action}`, action] as const),
  ].map(([method, path, rule]) => [code(`${method} ${path}`), code(rule), code(checkOf(rule))]);
}

const checkOf = (rule: string): string => policies.find(p => p.name === rule)?.check ?? '';

function attributesOf(resource: Resource): string[][] {
  return Object.entries(resource.fields)
    .filter(([, field]) => field.show !== false || field.post || field.put)
    .map(([name, field]) => [
      code(name),
      cell(typeText(field.type)),
      flagsOf(name, field),
      defaultOf(field),
      addedBy(resource, name).map(code).join(' '),
      rulesOf(resource, name).map(code).join(' '),
    ]);
}

function flagsOf(name: string, { post, put, default: given, filter, sort, show }: Field): string {
  const required = post && given === undefined && name !== 'project_id';
  const flags = [required ? 'C' : post ? 'c' : '', put ? 'u' : '', filter ? 'f' : '', sort ? 's' : ''].join('');
  return show === false ? `${flags}, not shown` : flags;
}

function defaultOf({ default: given }: Field): string {
  return given === undefined || typeof given === 'symbol' ? '' : code(JSON.stringify(given));
}

function addedBy(resource: Resource, name: string): string[] {
  const adds = ({ adds }: Extension): boolean => Object.hasOwn(adds?.[resource.name] ?? {}, name);
  return extensions.filter(adds).map(e => e.alias);
}

function rulesOf({ policyName }: Resource, name: string): string[] {
  const prefixes = ['get', 'create', 'update', 'delete'].map(verb => `${verb}_${policyName}:${name}`);
  return policies.map(p => p.name).filter(rule => prefixes.some(prefix => rule === prefix || rule.startsWith(`${prefix}:`)));
}
