// Extensions that an operator switches on: `service_plugins` names the plug-ins that they belong to.
import type { Extension, Fields, Resource } from './resource.ts';

export interface Model {
  readonly resources: readonly Resource[];
  readonly extensions: readonly Extension[];
}

/** The model without the extensions of plug-ins that are not named. Tables keep their columns, with what is in them. */
export function offered({ resources, extensions }: Model, plugins: readonly string[]): Model {
  const isOn = ({ plugin }: Extension): boolean => plugin === undefined || plugins.includes(plugin);
  const off = extensions.filter(e => !isOn(e));
  return { resources: resources.map(r => without(r, off)), extensions: extensions.filter(isOn) };
}

function without(resource: Resource, extensions: readonly Extension[]): Resource {
  const off = extensions.flatMap(e => Object.keys(e.adds?.[resource.name] ?? {}));
  if (off.length === 0) return resource;
  const fields: Fields = Object.fromEntries(Object.entries(resource.fields).filter(([name]) => !off.includes(name)));
  return { ...resource, fields, off };
}
