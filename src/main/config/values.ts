// What the values of options may be: each reader answers a value, or says what is wanted.
import { parseCidr } from '../../domain/net/cidr.ts';
import { parseMac } from '../../domain/net/mac.ts';
import { typeDrivers } from '../../drivers/type/types.ts';
import type { ServerConfig } from '../../server/context.ts';
import { ConfigError } from './ini.ts';

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

export function bool(text: string): boolean {
  const value = truths[text.toLowerCase()];
  if (value === undefined) throw new ConfigError('true or false is wanted');
  return value;
}

export const int =
  (least: number, most = 2 ** 31 - 1) =>
  (text: string): number => {
    const n = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) throw new ConfigError(`a number from ${least} to ${most} is wanted`);
    return n;
  };

/** With a point, where there is one. */
export const float =
  (least: number, most: number) =>
  (text: string): number => {
    const n = /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) throw new ConfigError(`a number from ${least} to ${most} is wanted`);
    return n;
  };

export const list = (text: string): string[] =>
  text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '');
export const string = (text: string): string => text;

/** `infinite` and everything below one mean no limit. */
export const pageLimit = (text: string): number => (text.toLowerCase() === 'infinite' ? 0 : Math.max(0, int(-1)(text)));

const inRange =
  (most: number) =>
  (text: string): readonly [number, number] => {
    const [from, to, ...more] = text.split(':').map(int(1, most));
    if (from === undefined || to === undefined || from > to || more.length > 0) throw new ConfigError('ranges such as 1:1000 are wanted');
    return [from, to];
  };
/** `1:1000,2000:2999`, up to the largest id that there is. */
export const ranges =
  (most: number) =>
  (text: string): (readonly [number, number])[] =>
    list(text).map(inRange(most));

/** `physnet1:100:200,physnet2` */
export function vlanRanges(text: string): ServerConfig['vlanRanges'] {
  const out: Record<string, (readonly [number, number])[]> = {};
  for (const item of list(text)) {
    const [network = '', ...bounds] = item.split(':');
    if (network === '') throw new ConfigError('ranges such as physnet1:100:200 are wanted');
    out[network] ??= [];
    if (bounds.length > 0) out[network].push(inRange(4094)(bounds.join(':')));
  }
  return out;
}

/** `physnet1:1500,physnet2:9000` */
export function physnetMtus(text: string): Record<string, number> {
  return Object.fromEntries(
    list(text).map(item => {
      const at = item.lastIndexOf(':');
      if (at < 1) throw new ConfigError('values such as physnet1:1500 are wanted');
      return [item.slice(0, at), int(68, 65535)(item.slice(at + 1))];
    }),
  );
}

export const oneOf =
  <const V extends string>(...values: readonly V[]) =>
  (text: string): V => {
    const value = values.find(v => v === text);
    if (value === undefined) throw new ConfigError(`one of ${values.map(v => `'${v}'`).join(', ')} is wanted`);
    return value;
  };

const networkType = oneOf(...Object.keys(typeDrivers));
export const networkTypes = (text: string): string[] => list(text).map(networkType);
/** None: as any other network. */
export const networkTypeOrNone = (text: string): string | undefined => (text === '' ? undefined : networkType(text));

const shaped =
  (fits: (text: string) => boolean, what: string) =>
  (text: string): string => {
    if (!fits(text)) throw new ConfigError(`${what} is wanted`);
    return text;
  };

export const mac = shaped(
  text => (Number.parseInt(parseMac(text)?.slice(0, 2) ?? '1', 16) & 1) === 0,
  'a MAC address of one device, such as fa:16:3e:00:00:00,',
);
export const cidr4 = shaped(text => parseCidr(text)?.version === 4, 'an IPv4 network, such as 169.254.192.0/18,');
/** What AMQP takes as a part of a name, with room for the rest. */
export const named = shaped(text => /^[\w.:-]{1,100}$/.test(text), 'a name such as neutron or network-1');
const domainName = shaped(text => /^(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?$/.test(text) && text.length <= 254, 'a domain name');
export const domain = (text: string): string => (text === '' ? '' : domainName(text));
/** With its final dot. */
export const absoluteDomain = (text: string): string => `${domainName(text).replace(/\.$/, '')}.`;
export const urlOrNone = shaped(
  text => text === '' || /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
  'a URL, such as https://example/network,',
);
export const base64 = shaped(
  text => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) && text !== '',
  'base64',
);
