// What becomes of ports, step by step, on whatever server there is; and what Nova was told of it.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Body, Made } from '../api/client.ts';
import { beat, type Harness, until } from '../api/harness.ts';
import type { NovaListener } from '../api/nova-listener.ts';

export interface Cloud {
  readonly api: Api;
  readonly rpc: Harness['rpc'];
  readonly nova: NovaListener;
}

/** Of one port, in order: event and status. */
export type Stream = readonly string[];

const patienceMs = 60_000;

const hosts = { here: 'node-1', there: 'node-two' };

interface Life {
  readonly port: Made;
  readonly device: string;
  put(attributes: Body): Promise<void>;
  details(host: string): Promise<void>;
  up(host: string): Promise<void>;
  down(host: string): Promise<void>;
  /** It is where an instance would wait for it, or not any more. */
  status(wanted: string): Promise<void>;
  delete(): Promise<void>;
  /** Of its bindings. */
  binding(method: string, path: string, body?: Body): Promise<void>;
}

interface Scene {
  readonly cloud: Cloud;
  readonly network: string;
  readonly external: string;
  begin(attributes?: Body, device?: Body): Promise<Life>;
}

const compute = { device_owner: 'compute:nova' };

async function wired(scene: Scene, attributes: Body = {}): Promise<Life> {
  const life = await scene.begin({ 'binding:host_id': hosts.here, ...compute, ...attributes });
  await life.details(hosts.here);
  await life.up(hosts.here);
  await life.status('ACTIVE');
  return life;
}

const plainLife = 'a port is taken, wired, renamed, unplugged and deleted';
const floatingLife = 'a floating IP comes, is described, goes to another, is taken away, comes back and is deleted';
/** Enough to see that a recording is of the server that is here. */
export const someLives = [plainLife, floatingLife];

const lives: Readonly<Record<string, (scene: Scene) => Promise<readonly Life[]>>> = {
  async [plainLife](scene) {
    const life = await scene.begin({}, { device_id: '' });
    await life.put({ device_id: life.device, ...compute, 'binding:host_id': hosts.here });
    await life.details(hosts.here);
    await life.status('BUILD');
    await life.up(hosts.here);
    await life.status('ACTIVE');
    await life.up(hosts.here);
    await life.put({ name: 'other' });
    await life.down(hosts.here);
    await life.status('DOWN');
    await life.delete();
    return [life];
  },
  async 'a port is made for an instance, wired, and deleted while it is plugged'(scene) {
    const life = await wired(scene);
    await life.delete();
    return [life];
  },
  async 'a host reports again and again'(scene) {
    const life = await wired(scene);
    await life.details(hosts.here);
    await life.status('BUILD');
    await life.up(hosts.here);
    await life.status('ACTIVE');
    await life.up(hosts.there);
    return [life];
  },
  async 'a port is put down and up'(scene) {
    const life = await wired(scene);
    await life.put({ admin_state_up: false });
    await life.details(hosts.here);
    await life.status('DOWN');
    await life.put({ admin_state_up: true });
    await life.details(hosts.here);
    await life.up(hosts.here);
    await life.status('ACTIVE');
    return [life];
  },
  async 'a port is bound somewhere else'(scene) {
    const life = await wired(scene);
    await life.put({ 'binding:host_id': hosts.there });
    await life.details(hosts.there);
    await life.up(hosts.there);
    await life.status('ACTIVE');
    return [life];
  },
  async 'a port is bound where nobody can plug it'(scene) {
    const life = await wired(scene);
    await life.put({ 'binding:host_id': 'nowhere' });
    await life.status('DOWN');
    return [life];
  },
  async 'a port that was there before its instance outlives it'(scene) {
    const life = await wired(scene);
    await life.put({ device_id: '', device_owner: '', 'binding:host_id': null, 'binding:profile': {} });
    await life.status('DOWN');
    await life.delete();
    return [life];
  },
  async 'an instance moves, its port is plugged there before'(scene) {
    const life = await wired(scene);
    await life.binding('POST', 'bindings', { binding: { host: hosts.there, vnic_type: 'normal', profile: {} } });
    await life.put({ 'binding:profile': { migrating_to: hosts.there } });
    await life.up(hosts.there);
    await life.binding('PUT', `bindings/${hosts.there}/activate`);
    await life.details(hosts.there);
    await life.up(hosts.there);
    await life.status('ACTIVE');
    await life.binding('DELETE', `bindings/${hosts.here}`);
    return [life];
  },
  async 'an instance does not get there, and stays'(scene) {
    const life = await wired(scene);
    await life.binding('POST', 'bindings', { binding: { host: hosts.there, vnic_type: 'normal', profile: {} } });
    await life.put({ 'binding:profile': { migrating_to: hosts.there } });
    await life.up(hosts.there);
    await life.binding('PUT', `bindings/${hosts.there}/activate`);
    await life.binding('PUT', `bindings/${hosts.here}/activate`);
    await life.binding('DELETE', `bindings/${hosts.there}`);
    await life.details(hosts.here);
    await life.up(hosts.here);
    await life.status('ACTIVE');
    return [life];
  },
  async 'ports that are no instance’s'(scene) {
    const lived: Life[] = [];
    for (const device of [{ device_owner: 'network:mine' }, { device_owner: '' }, { device_id: 'not-a-uuid' }]) {
      const life = await wired(scene, device);
      await life.put({ name: 'other' });
      await life.delete();
      lived.push(life);
    }
    return lived;
  },
  async 'a port is taken from its instance, and given to another'(scene) {
    const life = await wired(scene);
    await life.put({ device_id: '' });
    await life.put({ device_id: life.device, device_owner: 'compute:other' });
    return [life];
  },
  async [floatingLife](scene) {
    const { api } = scene.cloud;
    const [one, two] = [await wired(scene), await wired(scene)];
    const fip = await api.make('floatingips', 'floatingip', { floating_network_id: scene.external, port_id: one.port.id });
    const put = async (attributes: Body): Promise<void> =>
      ok(await api.request('PUT', `floatingips/${fip.id}`, { floatingip: attributes }));
    await put({ description: 'mine' });
    await put({ port_id: two.port.id });
    await put({ port_id: null });
    await put({ description: 'nobody’s' });
    await put({ port_id: one.port.id });
    ok(await api.request('DELETE', `floatingips/${fip.id}`));
    return [one, two];
  },
  async 'a port goes with its floating IP'(scene) {
    const life = await wired(scene);
    await scene.cloud.api.make('floatingips', 'floatingip', { floating_network_id: scene.external, port_id: life.port.id });
    await life.delete();
    return [life];
  },
};

function ok(answer: { readonly status: number; readonly body: Body }): void {
  if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

export type Told = Readonly<Record<string, readonly Stream[]>>;

/** By the name of the life: what Nova was told of each of its ports. All lives, or those that are named. */
export async function live(cloud: Cloud, names: readonly string[] = Object.keys(lives)): Promise<Told> {
  const scene = await setScene(cloud);
  const lived: [string, readonly Life[]][] = [];
  for (const name of names) lived.push([name, (await lives[name]?.(scene)) ?? []]);
  // Whatever was to be told before is told when this is.
  const last = await wired(scene);
  await until('Nova is told of the last one', async () => cloud.nova.events.some(e => e.tag === last.port.id), patienceMs);
  await sleep(500);
  return Object.fromEntries(lived.map(([name, ones]) => [name, ones.map(one => streamOf(cloud.nova, one))]));
}

function streamOf({ events }: NovaListener, { port, device }: Life): Stream {
  return events
    .filter(e => e.tag === port.id)
    .map(e => {
      const { name, status, server_uuid, tag: _, ...more } = e;
      const rest = Object.keys(more).length === 0 ? [] : [JSON.stringify(more)];
      return [name, ...(status === undefined ? [] : [status]), ...(server_uuid === device ? [] : [`of ${server_uuid}`]), ...rest].join(' ');
    });
}

async function setScene(cloud: Cloud): Promise<Scene> {
  const { api, rpc } = cloud;
  for (const host of Object.values(hosts)) await beat({ rpc } as Harness, host);
  const { id: network } = await api.make('networks', 'network', {});
  const plain = { network_id: network, ip_version: 4, cidr: '10.7.0.0/24', enable_dhcp: false };
  const { id: subnet } = await api.make('subnets', 'subnet', plain);
  const { id: external } = await api.make('networks', 'network', { 'router:external': true });
  await api.make('subnets', 'subnet', { network_id: external, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false });
  const router = await api.make('routers', 'router', { external_gateway_info: { network_id: external } });
  ok(await api.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet }));
  return { cloud, network, external, begin: (attributes, device) => begin(cloud, network, attributes, device) };
}

async function begin({ api, rpc }: Cloud, network_id: string, attributes: Body = {}, owner: Body = {}): Promise<Life> {
  const device = randomUUID();
  const port = await api.make('ports', 'port', { network_id, device_id: device, ...owner, ...attributes });
  const path = `ports/${port.id}`;
  const tell = async (method: string, host: string): Promise<void> =>
    void (await rpc('q-plugin', method, { device: port.id, host, agent_id: `lb-${host}` }, '1.5'));
  return {
    port,
    device,
    put: async changed => ok(await api.request('PUT', path, { port: changed })),
    details: host => tell('get_device_details', host),
    up: host => tell('update_device_up', host),
    down: host => tell('update_device_down', host),
    async status(wanted) {
      const now = async () => ((await api.request('GET', path)).body.port as Body).status;
      await until(`the port is ${wanted}`, async () => (await now()) === wanted, patienceMs);
    },
    delete: async () => ok(await api.request('DELETE', path)),
    binding: async (method, below, body) => ok(await api.request(method, `${path}/${below}`, body)),
  };
}
