// Where Open vSwitch's database is, as `[ovs] ovsdb_connection` writes it (ovsdb(7), "Connection Methods").
import { isAbsolute } from 'node:path';
import { HostRefusal } from '../../../contracts/host/firewall.ts';

export type OvsdbAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number };

/** Where Debian's ovsdb-server always listens. */
export const localSocket = '/run/openvswitch/db.sock';

/** Throws HostRefusal. */
export function ovsdbAddress(text: string): OvsdbAddress {
  const [, kind, rest = ''] = /^(unix|tcp|ssl):(.+)$/.exec(text) ?? [];
  if (kind === 'unix' && isAbsolute(rest) && !rest.includes('\0')) return { kind, path: rest };
  const [, v6, name = v6, port] = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(rest) ?? [];
  if ((kind === 'tcp' || kind === 'ssl') && name !== undefined && Number(port ?? 1) >= 1 && Number(port ?? 1) <= 65535)
    return { kind, host: name, port: Number(port ?? 6640) };
  throw new HostRefusal('ovsdb', `${JSON.stringify(text)} is no connection: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT is wanted`);
}
