// Names and domains of the DNS, as RFC 1123 (2.1) and RFC 952 write them.
import { invalidInput } from '../errors.ts';
import { pyStr } from './python.ts';
import { Invalid, readString } from './text.ts';

const longest = 255;

/** A name with or without a final dot; empty: none. */
export function readDnsName(value: unknown): string {
  const name = lowered(value);
  checkLabels(name);
  return name;
}

/** Of a floating IP: a name below its domain. */
export function readRelativeDnsName(value: unknown): string {
  const name = lowered(value);
  if (name.endsWith('.')) throw new Invalid(`'${name}' is a FQDN. It should be a relative domain name.`);
  checkLabels(name);
  checkRoom(name, 3, 'domain name');
  return name;
}

/** Labels of a domain that whoever names a port stands for; `domainFor` puts them in. */
const isPlaceholder = (label: string): boolean => /^<(project|user)_(id|name)>$/.test(label);

export function readDnsDomain(value: unknown): string {
  const domain = lowered(value);
  if (domain === '') return domain;
  if (!domain.endsWith('.')) throw new Invalid(`'${domain}' is not a FQDN.`);
  checkLabels(domain, isPlaceholder);
  checkRoom(domain, 2, 'sub-domain');
  return domain;
}

function lowered(value: unknown): string {
  if (typeof value !== 'string') throw invalidInput(`Input value ${pyStr(value)} must be string type`);
  return readString(value.toLowerCase(), longest);
}

function checkRoom(text: string, room: number, what: string): void {
  if (text.length <= longest - room) return;
  const more = `Adding a ${what} will cause it to exceed the maximum length of a FQDN of '${longest}'`;
  throw new Invalid(`'${text}' contains ${text.length} characters. ${more}.`);
}

function checkLabels(name: string, isFine = (_label: string): boolean => false): void {
  if (name === '') return;
  const labels = name.replace(/\.$/, '').split('.');
  const reason = labels.map(label => (isFine(label) ? undefined : wrongLabel(label))).find(r => r !== undefined) ?? wrongTop(labels);
  if (reason !== undefined) throw new Invalid(`'${name}' not a valid PQDN or FQDN. Reason: ${reason}.`);
}

export const isDnsLabel = (text: string): boolean => wrongLabel(text) === undefined;

function wrongLabel(label: string): string | undefined {
  if (label === '') return 'Encountered an empty component';
  if (label.startsWith('-') || label.endsWith('-')) return `Name '${label}' must not start or end with a hyphen`;
  if (/^[a-z0-9-]{1,63}$/.test(label)) return undefined;
  return `Name '${label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen`;
}

function wrongTop(labels: readonly string[]): string | undefined {
  const top = labels.at(-1) ?? '';
  return labels.length > 1 && /^\d+$/.test(top) ? `TLD '${top}' must not be all numeric` : undefined;
}
