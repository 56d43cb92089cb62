// Requests about the server itself: quotas, extensions, agents, and URLs that there are not.
import type { Json, RecordedRequest } from '../recorded.ts';
import { bogus, type Making } from './making.ts';

export function quotas(m: Making): void {
  const who = m.who(0.8);
  const one = `/quotas/${m.pick(['${P1}', '${P2}', '${P1}'])}`;
  const limits = (): Json[] => [
    { network: m.value('int', 50) },
    { subnet: 60, port: 70 },
    { bogus: 3 },
    {},
    { port: -2 },
    { router: -1 },
    { security_group: '5' },
    { network: 2 ** 31 },
  ];
  m.pick([
    () => m.send(who, 'GET', one),
    () => m.send(who, 'GET', `${one}/default`),
    () => m.send(who, 'GET', `${one}/details.json`),
    () => m.send(who, 'DELETE', one),
    () => m.send(who, 'GET', '/quotas/tenant'),
    () => m.send(who, 'PUT', one, { quota: m.pick(limits()) }),
  ])();
}

const shape: Partial<RecordedRequest> = { shape: true };
const extensions = ['router', 'quotas', 'bogus', 'security-group', 'standard-attr-tag'];

export function others(m: Making): void {
  const who = m.who(0.7);
  const get = (path: string, more?: Partial<RecordedRequest>) => () => m.send(who, 'GET', path, undefined, more);
  m.pick([
    () => m.send('none', 'GET', '@/'),
    get('/'),
    () => m.send(who, 'GET', `/extensions/${m.pick(extensions)}`),
    get('/agents', shape),
    get(`/agents/${bogus}`),
    () => m.send(who, 'PUT', `/agents/${bogus}`, { agent: { admin_state_up: false } }),
    () => m.send(who, 'DELETE', `/agents/${bogus}`),
    get('/availability_zones', shape),
    get('/service-providers'),
    get('/qos/rule-types'),
    () => m.send(who, 'GET', `/qos/rule-types/${m.pick(['bandwidth_limit', 'bogus', 'dscp_marking'])}`),
    () => m.send(who, 'GET', `/network-ip-availabilities/${m.ref('network')}`),
    get('/network-ip-availabilities?project_id=${P1}'),
    get('/bogus-things'),
    () => m.send(who, 'POST', '/bogus-things', { x: {} }),
    () => m.send(who, 'PATCH', `/networks/${m.ref('network')}`, { network: {} }),
    () => m.send(who, 'PUT', '/networks', { network: {} }),
    () => m.send(who, 'DELETE', '/networks'),
    () => m.send(who, 'GET', `/networks/${m.ref('port')}`),
    get('/networks.json?project_id=${P1}'),
    get('/networks.xml'),
    get('/auto-allocated-topology/${P1}?fields=dry-run'),
    get('/default-security-group-rules'),
    get('/flavors'),
    get('/service-profiles'),
    get('/local-ips'),
    get('/ndp-proxies'),
    get('/network-segment-ranges', shape),
    () => m.send('badtoken', 'GET', '/networks'),
  ])();
}
