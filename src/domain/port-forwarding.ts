// Port forwardings as rules over plain values: ranges of ports, what may lead to what, and what collides.
import { badRequest } from './errors.ts';
import { pyRepr } from './input/python.ts';
import { Invalid } from './input/text.ts';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** `8080` or `200:210`, in its stored form `first:last`. */
export function readPortRange(value: unknown): string {
  if (typeof value !== 'number' && typeof value !== 'string') throw new Invalid(`Invalid port: ${pyRepr(value)}.`);
  const text = String(value);
  const parts = text.split(':');
  if (parts.length > 2 || parts.some(p => p === '')) throw new Invalid('Port range must be two integers separated by a colon.');
  const [first = 0, last = first] = parts.map(portNumber);
  if (first > last) throw new Invalid('First port in a port range must be lower than the second port.');
  return `${first}:${last}`;
}

function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Invalid(`Invalid port: ${text}.`);
  const port = Number(text);
  if (port < 1) throw new Invalid(`Invalid port: ${text}, the port must be in the range [1, 65535].`);
  return port;
}

export function rangeOf(stored: string): PortRange {
  const [first = 0, last = first] = stored.split(':').map(Number);
  return { first, last };
}

/** One side of a forwarding as stored: the range, and the port where it is a single one. A range wins over a port. */
export interface Side {
  readonly port: number | null;
  readonly range: string;
}

export function sideOf(port: unknown, range: unknown): Side | undefined {
  const stored = range ? String(range) : port ? `${port}:${port}` : undefined;
  if (stored === undefined) return undefined;
  const { first, last } = rangeOf(stored);
  return { port: first === last ? first : null, range: stored };
}

const resource = 'port_forwarding';

/** As many ports as there are outside, or a single one. */
export function checkRanges(internal: string, external: string): void {
  const inner = rangeOf(internal);
  const outer = rangeOf(external);
  const many = inner.last - inner.first;
  if (many === 0 || many === outer.last - outer.first) return;
  const relation = 'The relation between internal and external ports must be N-N or 1-N';
  throw badRequest(resource, `Invalid ranges of internal and/or external ports. ${relation}`);
}

export interface Forwarding {
  readonly id: string;
  readonly floatingip_id: string;
  readonly protocol: string;
  readonly internal_port_id: string;
  readonly internal_ip_address: string;
  readonly internal_port: number | null;
  readonly internal_port_range: string;
  readonly external_port: number | null;
  readonly external_port_range: string;
}

const sameOutside = (a: Forwarding, b: Forwarding): boolean => a.floatingip_id === b.floatingip_id && a.protocol === b.protocol;
const sameInside = (a: Forwarding, b: Forwarding): boolean =>
  a.internal_port_id === b.internal_port_id && a.internal_ip_address === b.internal_ip_address && a.protocol === b.protocol;

function overlap(a: string, b: string): boolean {
  const x = rangeOf(a);
  const y = rangeOf(b);
  return x.first <= y.last && y.first <= x.last;
}

/** No port outside leads to two places, and none inside is led to twice. */
export function checkCollisions(wanted: Forwarding, others: readonly Forwarding[]): void {
  const refuse = (key: 'internal_port_range' | 'external_port_range', theirs: string): never => {
    throw badRequest(resource, `There is a port collision with the ${key}. The following ranges collides: ${theirs} and ${wanted[key]}`);
  };
  for (const o of others)
    if (sameInside(o, wanted) && overlap(o.internal_port_range, wanted.internal_port_range))
      refuse('internal_port_range', o.internal_port_range);
  for (const o of others)
    if (sameOutside(o, wanted) && overlap(o.external_port_range, wanted.external_port_range))
      refuse('external_port_range', o.external_port_range);
}

/** A change is told of its twin by single ports first, in other words than a new forwarding. */
export function checkTwins(wanted: Forwarding, others: readonly Forwarding[], floating_ip_address: string): void {
  const refuse = (values: object): never => {
    throw badRequest(
      resource,
      `Another port forwarding entry with the same attributes already exists, conflicting values are ${pyRepr(values)}`,
    );
  };
  const { external_port, internal_port, internal_port_id, internal_ip_address } = wanted;
  for (const o of others) {
    if (external_port !== null && sameOutside(o, wanted) && o.external_port === external_port)
      refuse({ floating_ip_address, external_port });
    if (internal_port !== null && sameInside(o, wanted) && o.internal_port === internal_port)
      refuse({ internal_port_id, internal_ip_address, internal_port });
  }
}
