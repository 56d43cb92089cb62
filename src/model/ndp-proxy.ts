// NDP proxies: IPv6 addresses of instances that a router answers for on its external network.
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { standard } from './kit/standard.ts';
import { t } from './kit/types.ts';

export const ndpProxy = defineResource({
  name: 'ndp_proxy',
  owner: 'project_id',
  plural: 'ndp_proxies',
  path: 'ndp_proxies',
  notFound: { type: 'NDPProxyNotFound', id: 'id' },
  fields: {
    id: { type: t.uuid, filter: true, sort: true },
    project_id: { type: t.str(255), post: true, sort: true },
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    router_id: { type: t.uuid, post: true, sort: true },
    port_id: { type: t.uuid, post: true, sort: true },
    ip_address: { type: t.opt(t.ip), post: true, default: null, sort: true },
    ...standard,
  },
  unique: [['router_id', 'ip_address']],
  indexes: [['project_id'], ['port_id']],
});

export const l3NdpProxy = {
  alias: 'l3-ndp-proxy',
  // The name that Neutron gives it.
  name: 'name',
  description: 'IPv6 addresses that routers answer for outside',
  updated: '2021-06-29T10:00:00-00:00',
} as const satisfies Extension;

export const l3ExtNdpProxy = {
  alias: 'l3-ext-ndp-proxy',
  name: 'Router support to enable NDP proxy',
  description: 'Routers that answer for addresses behind them',
  updated: '2020-08-25T00:00:00-00:00',
  adds: { router: { enable_ndp_proxy: { type: t.opt(t.bool), post: true, put: true, default: absent, filter: true } } },
} as const satisfies Extension;
