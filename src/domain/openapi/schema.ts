// JSON Schema of attributes: what a client sends and gets, by the types of the model.
import { columnOf, type Field, type Resource } from '../../model/kit/resource.ts';
import type { DictKey, SpecialName, Type } from '../../model/kit/types.ts';

export type Schema = Readonly<Record<string, unknown>>;

const string = (more: Schema = {}): Schema => ({ type: 'string', ...more });
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 ? { required } : {}),
});
const array = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more });

const address: Schema = { type: 'string', anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] };
const uuid = string({ format: 'uuid' });
const prefix = string({ description: 'An address with the length of its prefix: 10.0.0.0/24' });
const mac = string({ pattern: '^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$' });

/** Types whose reading has rules of its own; those that are not here are described by how they are stored. */
const special: Partial<Readonly<Record<SpecialName, Schema>>> = {
  sg_protocol: { type: ['string', 'integer', 'null'], description: 'A name, a number from 0 to 255, or null for any' },
  sg_port: { type: ['integer', 'null'], minimum: 0, maximum: 65_535 },
  sg_ethertype: string({ enum: ['IPv4', 'IPv6'] }),
  sg_remote_prefix: { type: ['string', 'null'], description: 'An address or a prefix' },
  allowed_address_pairs: array(object({ ip_address: string(), mac_address: mac }, ['ip_address'])),
  extra_dhcp_opts: array(
    object({ opt_name: string(), opt_value: { type: ['string', 'null'] }, ip_version: { enum: [4, 6] } }, ['opt_name']),
  ),
  fixed_ips: array(object({ subnet_id: uuid, ip_address: address })),
  metainfo: string({ maxLength: 4096 }),
  service_types: array(string({ maxLength: 255 })),
  profile: { type: 'object' },
  pvlan_community: string({ pattern: '^[a-zA-Z_.][a-zA-Z_.0-9]{0,231}$' }),
  tags: array(string({ maxLength: 255 }), { maxItems: 50, uniqueItems: true }),
};
const stored = { text: string(), int: { type: 'integer' }, json: {} } as const;

export function schemaOf(type: Type): Schema {
  switch (type.kind) {
    case 'string':
      return string(type.max === undefined ? {} : { maxLength: type.max });
    case 'bool':
      return { type: 'boolean' };
    case 'int':
      return {
        type: 'integer',
        ...(type.min === undefined ? {} : { minimum: type.min }),
        ...(type.max === undefined ? {} : { maximum: type.max }),
      };
    case 'enum':
      return { enum: type.values };
    case 'special':
      return special[type.name] ?? stored[type.column];
    case 'list':
      return array(schemaOf(type.item), {
        ...(type.unique ? { uniqueItems: true } : {}),
        ...(type.max === undefined ? {} : { maxItems: type.max }),
      });
    case 'dict':
      return dict(type.keys, type.exact === true || type.open !== true);
    case 'optional':
      return orNull(schemaOf(type.of));
    default:
      return text[type.kind];
  }
}

const text = {
  uuid,
  ip: address,
  cidr: prefix,
  ip_or_cidr: string({ description: 'An address or a prefix' }),
  mac,
  nameserver: address,
  dns_name: string({ description: 'A host name, or a name with its domain' }),
  relative_dns_name: string({ description: 'A host name, or a name with its domain' }),
  dns_domain: string({ description: 'A domain, with its dot at the end' }),
  time: string({ format: 'date-time' }),
  any: {},
} as const;

function dict(keys: Readonly<Record<string, DictKey>>, closed: boolean): Schema {
  const entries = Object.entries(keys);
  const properties = Object.fromEntries(entries.map(([name, key]) => [name, schemaOf(key.type)]));
  const required = entries.filter(([, key]) => key.required).map(([name]) => name);
  return { ...object(properties, required), ...(closed && entries.length > 0 ? { additionalProperties: false } : {}) };
}

function orNull(schema: Schema): Schema {
  if (Object.keys(schema).length === 0) return schema;
  if (typeof schema.type === 'string' && schema.anyOf === undefined) return { ...schema, type: [schema.type, 'null'] };
  return Array.isArray(schema.type) ? schema : { anyOf: [schema, { type: 'null' }] };
}

const tenant: Schema = string({ maxLength: 255, deprecated: true, description: 'The same as project_id' });

/** An answer. Nothing is required: policy hides attributes, and `fields` chooses. */
export function shownSchema({ fields }: Resource): Schema {
  const shown = Object.entries(fields).filter(([, field]) => field.show !== false);
  const properties = shown.map(([name, field]): [string, Schema] => [
    name,
    {
      ...shownAs(field),
      ...(settable(field) ? {} : { readOnly: true }),
    },
  ]);
  return object({
    ...Object.fromEntries(properties),
    ...(fields.project_id?.show !== false && fields.project_id ? { tenant_id: tenant } : {}),
  });
}

function shownAs(field: Field): Schema {
  if (field.asText) return string();
  const schema = schemaOf(field.type);
  return columnOf(field).nullable && field.type.kind !== 'optional' ? orNull(schema) : schema;
}

const settable = ({ post, put }: Field): boolean => post === true || put === true;

export function createSchema({ fields }: Resource): Schema {
  const given = Object.entries(fields).filter(([, field]) => field.post);
  const properties = given.map(([name, field]): [string, Schema] => [name, { ...schemaOf(field.type), ...defaultOf(field) }]);
  // The project is the caller's own unless an administrator names another.
  const required = given.filter(([name, field]) => field.default === undefined && name !== 'project_id').map(([name]) => name);
  return {
    ...object({ ...Object.fromEntries(properties), ...(fields.project_id ? { tenant_id: tenant } : {}) }, required),
    additionalProperties: false,
  };
}

function defaultOf({ default: given }: Field): Schema {
  return given === undefined || typeof given === 'symbol' ? {} : { default: given };
}

export function updateSchema({ fields }: Resource): Schema {
  const properties = Object.entries(fields)
    .filter(([, field]) => field.put)
    .map(([name, field]): [string, Schema] => [name, schemaOf(field.type)]);
  return { ...object(Object.fromEntries(properties)), additionalProperties: false };
}
