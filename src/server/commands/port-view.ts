// Ports as the API shows them.
import type { Query, Row } from '../../contracts/store.ts';
import { dnsAssignments } from '../../domain/ipam/dns.ts';
import { port } from '../../model/port.ts';
import { shownColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import { assignmentDomains } from '../dns/domains.ts';
import { foreseeing } from '../read-set.ts';
import type { ApiObject, Steady, Viewer, Wanted } from './commands.ts';
import { type Among, groupedQuery, idsQuery } from './load.ts';
import { profileColumns, profileOf } from './port-profile.ts';
import { type PortParts, partQueries, partsOf, type WantedParts } from './port-rows.ts';
import { type PortQos, portQos } from './qos-view.ts';
import { tagsOf, tagsQuery } from './tags.ts';
import { trunkDetailsOf } from './trunk-rows.ts';

/** Rows of which what belongs to them is asked in one statement; of many that would be longer than it is worth. */
const few = 20;

const all: Wanted = () => true;

export async function presentPorts(services: Services, rows: readonly Row[], _viewer?: Viewer, wanted: Wanted = all): Promise<ApiObject[]> {
  const viewOf = await viewsOf(services, rows, wanted);
  return rows.map(row => presentPort(row, viewOf(row)));
}

async function viewsOf(any: Services, rows: readonly Row[], wanted: Wanted, among?: Among): Promise<(row: Row) => PortView> {
  const ids = rows.map(r => String(r.id));
  const isFew = wanted === all && rows.length > 0 && rows.length <= few && !among;
  const services = isFew ? await foreseeing(any, shownQueries(rows)) : any;
  const parts = await partsOf(services, ids, partsFor(wanted), among);
  const tags = wanted('tags') ? await tagsOf(services, ids, among) : none;
  const qos = qosAttributes.some(wanted) ? await portQos(services, rows, parts.bindings) : () => noQos;
  const domains = wanted('dns_assignment') ? await assignmentDomains(services, rows) : () => '';
  const trunks = wanted('trunk_details') ? await trunkDetailsOf(services, ids, among) : none;
  return row => {
    const [id, trunk] = [String(row.id), trunks.get(String(row.id))];
    return { parts, tags: tags.get(id) ?? [], qos: qos(row), dnsDomain: domains(row), ...(trunk ? { trunk } : {}) };
  };
}

/** What is shown of a port beside its columns is made of these and of other tables. Policy asks for its network. */
export const portSources: readonly string[] = [
  ...['id', 'project_id', 'network_id', 'qos_policy_id', 'dns_name', 'dns_domain', 'dns_named_by'],
  ...profileColumns,
];

const none: ReadonlyMap<string, never> = new Map<string, never>();
const noQos: PortQos = { qos_network_policy_id: null, resource_request: null };
const qosAttributes = ['qos_network_policy_id', 'resource_request'];
const ofBinding = [
  'binding:vnic_type',
  'binding:profile',
  'binding:host_id',
  'binding:vif_type',
  'binding:vif_details',
  'resource_request',
];

const partsFor = (wanted: Wanted): WantedParts => ({
  addresses: wanted('fixed_ips') || wanted('dns_assignment'),
  groups: wanted('security_groups'),
  bindings: ofBinding.some(wanted),
});

/** What showing them asks, and policy of their networks. */
export function shownQueries(rows: readonly Row[]): Query[] {
  const ids = rows.map(r => String(r.id));
  const networkIds = [...new Set(rows.map(r => String(r.network_id)))];
  return [
    ...partQueries(ids),
    tagsQuery(ids),
    idsQuery('networks', networkIds),
    groupedQuery('rbac_entries', 'object_id', networkIds),
    groupedQuery('trunks', 'port_id', ids),
  ];
}

export interface PortView {
  readonly parts: PortParts;
  readonly tags: readonly string[];
  readonly qos: PortQos;
  /** Under which its addresses have their names. */
  readonly dnsDomain: string;
  readonly trunk?: ApiObject;
}

export const presentPort = (row: Row, view: PortView): ApiObject => showBeside(shownColumns(port, row), row, view);

/** Adds what is shown of a port beside its columns. */
function showBeside(shown: ApiObject, row: Row, { parts, tags, qos, dnsDomain, trunk }: PortView): ApiObject {
  const id = String(row.id);
  const binding = parts.bindings.get(id);
  // One after the other: the object keeps the form that is fast to print.
  const fixedIps = parts.fixedIps.get(id) ?? [];
  shown.fixed_ips = fixedIps;
  shown.dns_assignment = dnsAssignments(fixedIps, String(row.dns_name ?? ''), dnsDomain);
  shown.security_groups = parts.groups.get(id) ?? [];
  shown['binding:vnic_type'] = binding?.vnic_type ?? 'normal';
  shown['binding:profile'] = profileOf(row, binding);
  shown['binding:host_id'] = binding?.host ?? '';
  shown['binding:vif_type'] = binding?.vif_type ?? 'unbound';
  shown['binding:vif_details'] = binding?.vif_details ?? {};
  shown.qos_network_policy_id = qos.qos_network_policy_id;
  shown.resource_request = qos.resource_request;
  shown.tags = tags;
  if (trunk) shown.trunk_details = trunk;
  return shown;
}

/** Ports show of others: the trunk above them, what policies of QoS are in effect and ask for, and the domain under which their names are published. */
export const steadyPorts: Steady = {
  others: [
    { table: 'trunks', on: [['port_id', 'id']] },
    { table: 'networks', on: [['id', 'network_id']], where: { gt: ['qos_policy_id', ''] } },
  ],
  isSteady: ({ config }, row, beside) =>
    row.qos_policy_id === null &&
    beside.qos_network_policy_id === null &&
    beside.trunk_details === undefined &&
    (row.dns_name === '' || config.externalDns.driver === ''),
  async beside(services, rows, among) {
    const viewOf = await viewsOf(services, rows, all, among);
    return rows.map(row => showBeside({}, row, viewOf(row)));
  },
};
