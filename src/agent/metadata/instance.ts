// An instance as the built-in backend sees it: what Weft knows about it, or what its port tells.
import type { Json } from '../../contracts/bus.ts';
import type { Asker, Port } from './identity.ts';

export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly projectId: string;
  readonly userData: string | null;
  readonly publicKeys: readonly { readonly name: string; readonly key: string }[];
  readonly meta: Readonly<Record<string, string>>;
  readonly localIpv4: string | undefined;
  readonly publicIpv4: string | undefined;
  readonly securityGroups: readonly string[];
  readonly availabilityZone: string;
}

/** `known` is what Weft itself answers for the port: an instance of its own, or null. */
export function instanceOf(asker: Asker, known: Json): Instance {
  const port = asker.port;
  const about = dict(known);
  const id = string(about['instance_id']) || string(port['device_id']) || string(port['id']);
  const hostname = hostName(string(about['hostname'])) || portHostName(port);
  return {
    id,
    name: oneLine(string(about['name'])) || oneLine(string(port['name'])) || hostname,
    hostname,
    projectId: string(port['project_id'] ?? port['tenant_id']),
    userData: typeof about['user_data'] === 'string' ? about['user_data'] : null,
    publicKeys: Object.entries(strings(about['public_keys'])).map(([name, key]) => ({ name: oneLine(name), key: oneLine(key) })),
    meta: strings(about['meta']),
    localIpv4: addresses(port).find(a => !a.includes(':')),
    publicIpv4: string(about['public_ipv4']) || undefined,
    securityGroups: Array.isArray(port['security_groups']) ? port['security_groups'].map(string) : [],
    availabilityZone: string(about['availability_zone']) || 'nova',
  };
}

export function addresses(port: Port): readonly string[] {
  return fixedIps(port).map(f => f.ip_address);
}

export function fixedIps(port: Port): readonly { readonly subnet_id: string; readonly ip_address: string }[] {
  const list = Array.isArray(port['fixed_ips']) ? port['fixed_ips'] : [];
  return list.map(f => ({ subnet_id: string(dict(f)['subnet_id']), ip_address: string(dict(f)['ip_address']) }));
}

function portHostName(port: Port): string {
  const assigned = Array.isArray(port['dns_assignment']) ? dict(port['dns_assignment'][0] ?? null) : {};
  return (
    hostName(string(port['dns_name'])) ||
    hostName(string(port['name'])) ||
    hostName(string(assigned['hostname'])) ||
    hostName(`host-${addresses(port)[0] ?? string(port['id'])}`)
  );
}

/** A name that resolvers take, made of whatever was written; empty when nothing is left of it. */
function hostName(written: string): string {
  const labels = written.toLowerCase().replace(/\.$/, '').split('.');
  const clean = labels
    .map(l =>
      l
        .replace(/[^a-z0-9-]+/g, '-')
        .replace(/^-+|-+$/g, '')
        .slice(0, 63),
    )
    .filter(l => l !== '');
  return clean.join('.').slice(0, 253);
}

/** The trees are lists of lines: a line feed in a name would forge entries. */
const oneLine = (value: string): string => value.replace(/[\x00-\x1f\x7f]+/g, ' ').trim();
const string = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function dict(value: Json | undefined): Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, Json>>) : {};
}

function strings(value: Json | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(dict(value)).flatMap(([k, v]) => (typeof v === 'string' ? [[k, v]] : [])));
}
