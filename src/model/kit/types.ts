// The types of attributes, as data: how a value is read, stored, filtered and described all derive from these.

export interface TypeOf<V> {
  readonly kind: string;
  /** Only for inference; never set. */
  readonly value?: V;
}

export type Type<V = unknown> = TypeOf<V> & TypeSpec;

export type TypeSpec =
  | { readonly kind: 'string'; readonly max?: number; readonly lowercase?: boolean; readonly notBlank?: boolean }
  | { readonly kind: 'uuid' }
  | { readonly kind: 'bool' }
  /** `range`: refusals speak of its ends even where the lower one is 0. */
  | { readonly kind: 'int'; readonly min?: number; readonly max?: number; readonly range?: true }
  | { readonly kind: 'enum'; readonly values: readonly (string | number | null)[]; readonly convert?: 'int' | 'protocol' }
  | {
      readonly kind: 'ip' | 'cidr' | 'ip_or_cidr' | 'mac' | 'nameserver' | 'dns_name' | 'relative_dns_name' | 'dns_domain' | 'time' | 'any';
    }
  /** Values whose reading has rules of its own (security group protocols and ports, service types, …), by name. */
  | { readonly kind: 'special'; readonly name: SpecialName; readonly column: 'text' | 'int' | 'json' }
  | {
      readonly kind: 'list';
      readonly item: Type;
      readonly unique?: boolean;
      readonly nullIsEmpty?: boolean;
      readonly max?: number;
      /** What an item is called where the whole is no list. */
      readonly called?: string;
    }
  | {
      readonly kind: 'dict';
      readonly keys: Readonly<Record<string, DictKey>>;
      /** Every key must be there and no other. */
      readonly exact?: boolean;
      /** Other keys are kept. */
      readonly open?: boolean;
      /** An empty one is taken too, whatever is required. */
      readonly mayBeEmpty?: boolean;
    }
  | { readonly kind: 'optional'; readonly of: Type };

export interface DictKey {
  readonly type: Type;
  readonly required?: boolean;
}

export type SpecialName =
  | 'sg_protocol'
  | 'sg_port'
  | 'sg_ethertype'
  | 'sg_remote_prefix'
  | 'allowed_address_pairs'
  | 'extra_dhcp_opts'
  | 'fixed_ips'
  | 'service_types'
  | 'profile'
  | 'metainfo'
  | 'metering_prefix'
  | 'port_range'
  | 'tags'
  | 'target_project'
  | 'subnet_list'
  | 'subnetpool_id'
  | 'sub_ports'
  | 'pvlan_community';

export const t = {
  str: (max = 255): Type<string> => ({ kind: 'string', max }),
  notBlank: (max = 255): Type<string> => ({ kind: 'string', max, notBlank: true }),
  text: { kind: 'string' } as Type<string>,
  uuid: { kind: 'uuid' } as Type<string>,
  bool: { kind: 'bool' } as Type<boolean>,
  int: (min?: number, max?: number): Type<number> => ({
    kind: 'int',
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }),
  range: (min: number, max: number): Type<number> => ({ kind: 'int', min, max, range: true }),
  oneOf: <const V extends string | number | null>(...values: readonly V[]): Type<V> => ({ kind: 'enum', values }),
  intOneOf: <const V extends number>(...values: readonly V[]): Type<V> => ({ kind: 'enum', values, convert: 'int' }),
  /** Names of IP protocols. Another protocol is refused in other words than what is none. */
  protocolOf: <const V extends string>(...values: readonly V[]): Type<V> => ({ kind: 'enum', values, convert: 'protocol' }),
  ip: { kind: 'ip' } as Type<string>,
  cidr: { kind: 'cidr' } as Type<string>,
  ipOrCidr: { kind: 'ip_or_cidr' } as Type<string>,
  mac: { kind: 'mac' } as Type<string>,
  nameserver: { kind: 'nameserver' } as Type<string>,
  dnsName: { kind: 'dns_name' } as Type<string>,
  relativeDnsName: { kind: 'relative_dns_name' } as Type<string>,
  dnsDomain: { kind: 'dns_domain' } as Type<string>,
  time: { kind: 'time' } as Type<string>,
  any: <V = unknown>(): Type<V> => ({ kind: 'any' }),
  special: <V>(name: SpecialName, column: 'text' | 'int' | 'json'): Type<V> => ({ kind: 'special', name, column }),
  list: <V>(
    item: Type<V>,
    options: { unique?: boolean; nullIsEmpty?: boolean; max?: number; called?: string } = {},
  ): Type<readonly V[]> => ({
    kind: 'list',
    item,
    ...options,
  }),
  dict: <V = Readonly<Record<string, unknown>>>(
    keys: Readonly<Record<string, DictKey>>,
    options: { exact?: boolean; open?: boolean; mayBeEmpty?: boolean } = {},
  ): Type<V> => ({
    kind: 'dict',
    keys,
    ...options,
  }),
  opt: <V>(of: Type<V>): Type<V | null> => ({ kind: 'optional', of }),
};
