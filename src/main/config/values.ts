// What the values of options may be, as oslo.config reads them: each type answers a value, or says what is wanted.
import { dirname, resolve } from 'node:path';
import { parseCidr } from '../../domain/net/cidr.ts';
import { parseMac } from '../../domain/net/mac.ts';
import { typeDrivers } from '../../drivers/type/types.ts';
import { ConfigError, strip } from './ini.ts';
import type { Type } from './option.ts';

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

export const bool: Type<boolean> = {
  name: 'boolean',
  read(text) {
    const word = text.toLowerCase();
    if (Object.hasOwn(truths, word)) return truths[word] as boolean;
    throw new ConfigError('true or false is wanted');
  },
  show: value => (value ? 'True' : 'False'),
};

/** As Python writes numbers. */
const wholeNumber = /^[+-]?\d+(?:_\d+)*$/;
const anyNumber = /^[+-]?(?:\d+(?:_\d+)*\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function numberType(name: string, shape: RegExp, least: number, most: number): Type<number> {
  return {
    name,
    emptyIsNone: true,
    read(text) {
      const n = shape.test(strip(text)) ? Number(strip(text).replaceAll('_', '')) : Number.NaN;
      if (!(n >= least && n <= most)) throw new ConfigError(`a number from ${least} to ${most} is wanted`);
      return n;
    },
    show: String,
  };
}

export const int = (least: number, most = 2 ** 31 - 1): Type<number> => numberType('integer', wholeNumber, least, most);
/** With a point, where there is one. */
export const float = (least: number, most: number): Type<number> => numberType('number', anyNumber, least, most);
export const port = int(1, 65_535);

export const string: Type<string> = { name: 'string', read: text => text };

/** An item that is empty is one, unless it is the last. */
export const listOf = <V>(item: Type<V>): Type<readonly V[]> => ({
  name: item.name === 'string' ? 'list' : `list of ${item.name}`,
  read: (text, place) => itemsOf(text).map(one => item.read(one, place)),
});

function itemsOf(text: string): string[] {
  const items = strip(text).replace(/,+$/, '');
  return items === '' ? [] : items.split(',').map(strip);
}

export const list = listOf(string);

/** `physnet1:eth1,physnet2:eth2`: each name once, and each device. */
export const mappings: Type<Readonly<Record<string, string>>> = {
  name: 'list of name:value',
  read(text) {
    const pairs = itemsOf(text).filter(item => item !== '');
    const found = new Map<string, string>();
    for (const pair of pairs) {
      const [name = '', value = '', ...more] = pair.split(':').map(strip);
      if (name === '' || value === '' || more.length > 0) throw new ConfigError('pairs such as physnet1:eth1 are wanted');
      if (found.has(name)) throw new ConfigError(`one value for each name is wanted, and there are two for ${name}`);
      if ([...found.values()].includes(value)) throw new ConfigError(`one name for each value is wanted, and there are two for ${value}`);
      found.set(name, value);
    }
    return Object.fromEntries(found);
  },
};

export const oneOf = <const V extends string>(...values: readonly V[]): Type<V> => ({
  name: 'string',
  read(text) {
    const value = values.find(v => v === text);
    if (value === undefined) throw new ConfigError(`one of ${values.map(v => `'${v}'`).join(', ')} is wanted`);
    return value;
  },
});

/** A type that is read otherwise, or is checked further. */
export const mapped = <A, B>(type: Type<A>, name: string, to: (value: A) => B): Type<B> => ({
  name,
  read: (text, place) => to(type.read(text, place)),
});

/** Looked at here, so that what is wrong is told with its place; what reads it later gets the text. */
export const checked = <V>(type: Type<V>): Type<string> => ({
  name: type.name,
  read(text, place) {
    type.read(text, place);
    return text;
  },
});

const shaped = (name: string, fits: (text: string) => boolean, what: string): Type<string> => ({
  name,
  read(text) {
    if (!fits(text)) throw new ConfigError(`${what} is wanted`);
    return text;
  },
});

const orEmpty = (type: Type<string>): Type<string> => ({ ...type, read: (text, place) => (text === '' ? '' : type.read(text, place)) });

/** What is relative is so to the file that says it. */
export const path: Type<string> = { name: 'path', read: (text, { file }) => resolve(dirname(file), text) };

/** `infinite` and everything below one mean no limit. */
export const pageLimit: Type<number> = {
  name: 'integer or infinite',
  read: (text, place) => (text.toLowerCase() === 'infinite' ? 0 : Math.max(0, int(-1).read(text, place))),
};

type Range = readonly [number, number];

const rangeType = (most: number): Type<Range> => ({
  name: 'range',
  read(text, place) {
    const [from, to, ...more] = text.split(':').map(bound => int(1, most).read(bound, place));
    if (from === undefined || to === undefined || from > to || more.length > 0) throw new ConfigError('ranges such as 1:1000 are wanted');
    return [from, to];
  },
});
/** `1:1000,2000:2999`, up to the largest id that there is. */
export const ranges = (most: number): Type<readonly Range[]> => listOf(rangeType(most));

/** `physnet1:100:200,physnet2` */
export const vlanRanges: Type<Readonly<Record<string, readonly Range[]>>> = {
  name: 'list of physical networks with ranges',
  read(text, place) {
    const out: Record<string, Range[]> = {};
    for (const item of itemsOf(text)) {
      const [network = '', ...bounds] = item.split(':');
      if (network === '') throw new ConfigError('ranges such as physnet1:100:200 are wanted');
      const known = Object.hasOwn(out, network) ? (out[network] ?? []) : [];
      out[network] = bounds.length > 0 ? [...known, rangeType(4094).read(bounds.join(':'), place)] : known;
    }
    return out;
  },
};

/** `physnet1:1500,physnet2:9000` */
export const physnetMtus: Type<Readonly<Record<string, number>>> = {
  name: 'list of physical networks with MTUs',
  read(text, place) {
    const entries = itemsOf(text).map(item => {
      const at = item.lastIndexOf(':');
      if (at < 1) throw new ConfigError('values such as physnet1:1500 are wanted');
      return [item.slice(0, at), int(68, 65535).read(item.slice(at + 1), place)] as const;
    });
    return Object.fromEntries(entries);
  },
};

const networkType: Type<string> = { ...oneOf(...Object.keys(typeDrivers)), name: 'network type' };
export const networkTypes = listOf(networkType);
/** None: as any other network. */
export const networkTypeOrNone = orEmpty(networkType);

export const mac = shaped(
  'MAC address',
  text => (Number.parseInt(parseMac(text)?.slice(0, 2) ?? '1', 16) & 1) === 0,
  'a MAC address of one device, such as fa:16:3e:00:00:00,',
);
export const cidr4 = shaped('IPv4 network', text => parseCidr(text)?.version === 4, 'an IPv4 network, such as 169.254.192.0/18,');
/** What AMQP takes as a part of a name, with room for the rest. */
export const named = shaped('name', text => /^[\w.:-]{1,100}$/.test(text), 'a name such as neutron or network-1');
const domainName = shaped('domain name', text => /^(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(text) && text.length <= 254, 'a domain name');
export const domain = orEmpty(domainName);
/** With its final dot. */
export const absoluteDomain = mapped(domainName, 'domain name', text => `${text.replace(/\.$/, '')}.`);
export const urlOrNone = shaped(
  'URL',
  text => text === '' || /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
  'a URL, such as https://example/network,',
);
export const base64 = shaped(
  'base64',
  text => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) && text !== '',
  'base64',
);
