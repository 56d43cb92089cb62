// Subnets.
import { attributeExtensions } from './extensions.ts';
import { absent, defineResource, extendBy } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export interface AllocationPool {
  readonly start: string;
  readonly end: string;
}

export interface HostRoute {
  readonly destination: string;
  readonly nexthop: string;
}

const ipv6Modes = ['dhcpv6-stateful', 'dhcpv6-stateless', 'slaac'] as const;

const base = defineResource({
  name: 'subnet',
  notFound: { type: 'SubnetNotFound', id: 'subnet_id' },
  taggable: true,
  quota: 100,
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    ip_version: { type: t.intOneOf(4, 6), post: true, filter: true, sort: true },
    network_id: { type: t.uuid, post: true, filter: true, sort: true },
    subnetpool_id: { type: t.special<string | null>('subnetpool_id', 'text'), post: true, default: absent, filter: true, sort: true },
    prefixlen: { type: t.int(0), column: false, show: false, post: true, default: absent },
    cidr: { type: t.opt(t.cidr), post: true, default: absent, filter: true, sort: true },
    gateway_ip: { type: t.opt(t.ip), post: true, put: true, default: absent, filter: true, sort: true },
    allocation_pools: {
      type: t.list(
        t.dict<AllocationPool>({ start: { type: t.ip, required: true }, end: { type: t.ip, required: true } }, { exact: true }),
        { called: 'IP pool' },
      ),
      post: true,
      put: true,
      default: absent,
      nullable: false,
    },
    dns_nameservers: {
      type: t.list(t.nameserver, { unique: true, nullIsEmpty: true, called: 'nameserver' }),
      post: true,
      put: true,
      default: [],
      nullable: false,
    },
    host_routes: {
      type: t.list(
        t.dict<HostRoute>({ destination: { type: t.cidr, required: true }, nexthop: { type: t.ip, required: true } }, { exact: true }),
        {
          unique: true,
          nullIsEmpty: true,
          called: 'hostroute',
        },
      ),
      post: true,
      put: true,
      default: [],
      nullable: false,
    },
    enable_dhcp: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    ipv6_ra_mode: { type: t.oneOf(...ipv6Modes), post: true, default: absent, filter: true, sort: true },
    ipv6_address_mode: { type: t.oneOf(...ipv6Modes), post: true, default: absent, filter: true, sort: true },
    service_types: { type: t.special<readonly string[]>('service_types', 'json'), post: true, put: true, default: [], nullable: false },
    shared: { type: t.bool, column: false, show: false, filter: true, policed: true },
    ...standard,
    ...tags,
  },
  /** The cidr's ends as 32 hexadecimal digits, so that the store can tell what overlaps. */
  hidden: { first_address: { type: 'text', nullable: true }, last_address: { type: 'text', nullable: true } },
  indexes: [['network_id'], ['project_id'], ['subnetpool_id']],
  sought: ['name'],
});

export const subnet = extendBy('subnet', base, attributeExtensions);
