// DHCP options of single ports. They end up in a server's configuration, so names come from an allow-list of characters and values may
// hold nothing that ends a line (OSSA-2021-005).
import { invalidInput } from './errors.ts';
import { pyRepr, pyStr } from './input/python.ts';

export interface DhcpOpt {
  readonly opt_name: string;
  readonly opt_value: string;
  readonly ip_version: 4 | 6;
}

type Requested = { readonly opt_name: string; readonly opt_value: string | null; readonly ip_version: 4 | 6 };

const NAME_MAX = 64;
const VALUE_MAX = 255;
/** Of one port: all of them go into the configuration of the network's server. */
const MOST = 256;
/** Options whose empty value means something: do not send it. */
const MAY_BE_BLANK = ['router', 'classless-static-route'];
const KEYS = ['opt_name', 'opt_value', 'ip_version', 'id'];

/** A dnsmasq option: a name or number, perhaps after tags: `bootfile-name`, `67`, `tag:!ipxe,67`, `option6:59`. */
export function isOptionName(text: string): boolean {
  if (text.length < 1 || text.length > NAME_MAX) return false;
  return text.split(',').every(part => /^[A-Za-z0-9_.:!-]+$/.test(part));
}

/** No control characters, no line ends of any kind, no lone surrogates. */
export function isOptionValue(text: string): boolean {
  if (text.length > VALUE_MAX || /\p{Surrogate}/u.test(text)) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || (code >= 127 && code < 160) || code === 0x2028 || code === 0x2029) return false;
  }
  return true;
}

function isVersion(value: unknown): value is 4 | 6 | '4' | '6' | undefined {
  return value === undefined || value === 4 || value === 6 || value === '4' || value === '6';
}

/** Undefined when the item matches no form of an option. */
function readOpt(item: unknown): Requested | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined;
  const { opt_name, opt_value, ip_version } = item as { readonly [key: string]: unknown };
  if (Object.keys(item).some(k => !KEYS.includes(k)) || typeof opt_name !== 'string' || opt_name.trim() === '' || !isVersion(ip_version))
    return undefined;
  const version = ip_version === undefined || Number(ip_version) === 4 ? 4 : 6;
  if (opt_value === null) return { opt_name, opt_value, ip_version: version };
  if (typeof opt_value !== 'string' || (opt_value.trim() === '' && !MAY_BE_BLANK.includes(opt_name))) return undefined;
  return { opt_name, opt_value, ip_version: version };
}

function checked(item: unknown): Requested {
  const opt = readOpt(item);
  if (!opt) throw invalidInput(`No valid key specs matched for: ${pyStr(item)}`);
  if (!isOptionName(opt.opt_name)) throw invalidInput(`${pyRepr(opt.opt_name)} is not a valid name of a DHCP option`);
  if (opt.opt_value !== null && !isOptionValue(opt.opt_value)) {
    throw invalidInput(`The value of the DHCP option ${opt.opt_name} is longer than ${VALUE_MAX} characters or not printable`);
  }
  return opt;
}

const key = (opt: { readonly opt_name: string; readonly ip_version: number }): string => `${opt.ip_version} ${opt.opt_name}`;

/** As in Neutron before anything else, of what can be told apart so. */
function refuseTwins(items: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const item of items) {
    if (typeof item === 'string' && seen.has(item)) throw invalidInput(`Duplicate items in the list: '${item}'`);
    seen.add(item);
  }
}

/** The options after a request: those that it names are set, or removed where their value is null; the others stay. */
export function normalizeDhcpOpts(given: readonly unknown[] | null | undefined, current: readonly unknown[]): DhcpOpt[] {
  const options = new Map((current as readonly DhcpOpt[]).map(opt => [key(opt), opt]));
  if (given !== null && given !== undefined && !Array.isArray(given)) throw invalidInput(`'${pyStr(given)}' is not a list`);
  if (given && given.length > MOST) throw tooMany();
  refuseTwins(given ?? []);
  for (const item of given ?? []) {
    const { opt_value, ...opt } = checked(item);
    if (opt_value === null) options.delete(key(opt));
    else options.set(key(opt), { ip_version: opt.ip_version, opt_name: opt.opt_name, opt_value });
  }
  if (options.size > Math.max(MOST, current.length)) throw tooMany();
  return [...options.values()];
}

const tooMany = (): Error => invalidInput(`A port has at most ${MOST} DHCP options`);
