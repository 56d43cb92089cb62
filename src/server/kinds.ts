// The kinds of facts in the outbox. What is not here comes from a newer version of the server.
import { resources } from '../model/registry.ts';

/** Those that are no resource's name. */
const inner = ['dhcp_binding', 'router_binding', 'dvr_mac', 'fip_namespace', 'l2pop_refresh', 'sub_ports', 'port_plugged', 'notification'];
/** A row of nobody's closes a gap. */
const known: ReadonlySet<string> = new Set([...resources.map(r => r.name), ...inner, '']);

export const isKnownKind = (kind: string): boolean => known.has(kind);
