// A cloud as it stands when it has been in use for a while, in any size: many tenants with a few things each, or the worst of it, everything of one tenant in one
// network and one group. It is filled by the API, and looked up there again, so that a state that was kept can be measured as well.
import { Agents } from './agents.ts';
import { Api, type Data, dataOf, type Target } from './client.ts';
import type { Done, Phase } from './world.ts';

/** `spread`: tenants, networks and hosts in proportion to the ports. `heap`: one of each. */
export type Form = 'spread' | 'heap';

export interface CloudOptions {
  readonly form: Form;
  readonly ports: number;
  /** Of so many ports, scattered among all, and in proportion of networks and the like, something is asked; all of them where it is not said. */
  readonly asked?: number;
  readonly clients: number;
  readonly progress: (line: string) => void;
}

/** Nothing is refused for its number, and an agent that has reported once is alive for as long as it is measured. */
export const cloudConfig = `[DEFAULT]\nagent_down_time = 1000000
[quotas]\nquota_network = -1\nquota_subnet = -1\nquota_port = -1\nquota_router = -1\nquota_floatingip = -1
quota_security_group = -1\nquota_security_group_rule = -1\n`;

/** Ports of a tenant, and of a host. */
const perTenant = 50;
const perPost = 50;
const perInstance = 2;
const networkNodes = 3;
export const pageSize = 500;
const outside = 'outside';

type Found = Readonly<Record<string, string>>;

const idOf = (data: Data, key: string): string => (data[key] as { id: string }).id;

export class Cloud implements AsyncDisposable {
  readonly api: Api;
  private readonly options: CloudOptions;
  private readonly name: string;
  readonly agents: Agents;
  readonly hosts: readonly string[];
  private readonly run = crypto.randomUUID();
  private serial = 0;
  /** Of instances, as `Mixed` wants them. */
  ports: readonly Found[] = [];
  external = '';
  /** In the order of their names. */
  private named: readonly Found[] = [];
  private networks: readonly Found[] = [];
  private groups: readonly Found[] = [];
  private readonly madePorts: string[] = [];
  private readonly madeRules: string[] = [];

  private constructor(target: Target, agents: Agents, options: CloudOptions) {
    this.api = new Api(target, options.clients);
    this.name = target.name;
    this.agents = agents;
    this.options = options;
    this.hosts = Array.from({ length: Math.max(1, options.ports / perTenant) }, (_, n) => `compute-${n}`);
  }

  /** `folder`: where the server's state is. */
  static async open(target: Target, folder: string, options: CloudOptions): Promise<Cloud> {
    const cloud = new Cloud(target, await Agents.join(folder), options);
    const { networks } = await cloud.must(200, 'GET', `networks?name=${outside}&fields=id`);
    if ((networks as unknown[]).length === 0) await cloud.fill();
    await cloud.look();
    return cloud;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    this.api[Symbol.dispose]();
    return this.agents[Symbol.asyncDispose]();
  }

  private async fill(): Promise<void> {
    const { form, ports, progress } = this.options;
    for (let n = 0; n < networkNodes; n++) await this.agents.report(`network-${n}`, 'network');
    for (const host of this.hosts) await this.agents.report(host, 'compute');
    const admin = crypto.randomUUID().replaceAll('-', '');
    const external = await this.make(0, 'networks', { name: outside, project_id: admin, 'router:external': true });
    const subnet = { project_id: admin, network_id: external, ip_version: 4, cidr: '198.18.0.0/15', enable_dhcp: false };
    await this.make(0, 'subnets', subnet);
    if (form === 'heap') await this.fillTenant(0, { n: 0, ports, external, cidr: '10.0.0.0/15' });
    else {
      const tenants = Array.from({ length: ports / perTenant }, (_, n) => n);
      await this.api.each(tenants, async (n, client) => {
        await this.fillTenant(client, { n, ports: perTenant, external, cidr: '10.0.0.0/24' });
        if (n > 0 && n % 200 === 0) progress(`${this.name}: ${n * perTenant} ports`);
      });
    }
    progress(`${this.name}: ${ports} ports are there`);
  }

  private async fillTenant(client: number, given: { n: number; ports: number; external: string; cidr: string }): Promise<void> {
    const project_id = crypto.randomUUID().replaceAll('-', '');
    const network = await this.make(client, 'networks', { project_id, name: `net-${given.n}` });
    const subnet = await this.make(client, 'subnets', { project_id, network_id: network, ip_version: 4, cidr: given.cidr });
    const router = await this.make(client, 'routers', { project_id, external_gateway_info: { network_id: given.external } });
    await this.must(200, 'PUT', `routers/${router}/add_router_interface`, { subnet_id: subnet }, client);
    const group = await this.make(client, 'security-groups', { project_id, name: `web-${given.n}` });
    const rule = { project_id, security_group_id: group, direction: 'ingress' };
    const rules = [
      { ...rule, remote_group_id: group },
      ...[22, 80, 443].map(p => ({ ...rule, protocol: 'tcp', port_range_min: p, port_range_max: p })),
    ];
    await this.must(201, 'POST', 'security-group-rules', { security_group_rules: rules }, client);
    const posts = Array.from({ length: Math.ceil(given.ports / perPost) }, (_, i) => Math.min(perPost, given.ports - i * perPost));
    const post = async (count: number, by: number): Promise<void> => {
      const ports = Array.from({ length: count }, () => ({
        ...this.portOf(project_id, network, group),
        name: `port-${crypto.randomUUID()}`,
      }));
      const made = await this.must(201, 'POST', 'ports', { ports }, by);
      // A tenth of the instances is reached from outside.
      for (const { id } of (made['ports'] as Found[]).filter((_, i) => i % 10 === 0))
        await this.make(by, 'floatingips', { project_id, floating_network_id: given.external, port_id: id });
    };
    if (posts.length === 1) await post(posts[0]!, client);
    else await this.api.each(posts, post);
  }

  /** Two to an instance. */
  private portOf(project_id: string, network_id: string, group: string): object {
    const n = this.serial++;
    const instance = Math.floor(n / perInstance);
    return {
      project_id,
      network_id,
      name: `made-${n}`,
      security_groups: [group],
      device_id: `${this.run}-${instance}`,
      device_owner: 'compute:nova',
      'binding:host_id': this.hosts[instance % this.hosts.length],
    };
  }

  private async look(): Promise<void> {
    const fields = ['id', 'project_id', 'network_id', 'device_id', 'fixed_ips', 'security_groups'].map(f => `fields=${f}`).join('&');
    const all = (await this.must(200, 'GET', `ports?device_owner=compute:nova&${fields}`))['ports'] as Record<string, unknown>[];
    this.ports = all.map(({ fixed_ips, security_groups, ...port }) => ({
      ...(port as Found),
      address: (fixed_ips as Found[])[0]!['ip_address']!,
      group: (security_groups as string[])[0]!,
    }));
    this.named = (await this.must(200, 'GET', 'ports?sort_key=name&sort_dir=asc&fields=id'))['ports'] as Found[];
    const { networks } = await this.must(200, 'GET', 'networks?fields=id&fields=project_id&fields=router:external');
    const isOutside = (network: Found): boolean => (network['router:external'] as unknown) === true;
    this.networks = (networks as Found[]).filter(network => !isOutside(network));
    this.external = String((networks as Found[]).find(isOutside)?.['id']);
    const groups = new Map(this.ports.map(port => [port['group']!, port]));
    this.groups = [...groups].map(([id, { project_id }]) => ({ id, project_id: project_id! }));
  }

  /** What is made is taken away again in the same round, so that the size stays as it is. */
  phases(): Phase[] {
    const middle = (of: readonly Found[]): string => of[Math.floor(of.length / 2)]!['id']!;
    const all = this.ports.map(({ id }) => ({ id: id! })).sort((a, b) => (a.id < b.id ? -1 : 1));
    const page = (name: string, query: string): Phase => this.list(name, () => `ports?limit=${pageSize}${query}`);
    const marked = (id: string): string => `&marker=${id}`;
    const ofTenant = `&project_id=${this.networks[0]!['project_id']}`;
    const paged = this.options.form === 'heap' ? `&limit=${pageSize}` : '';
    return [
      { name: 'port create', run: (i, client) => this.createPort(i, client) },
      { name: 'port show', run: (i, client) => this.get(client, `ports/${this.somePort(i)['id']}`) },
      { name: 'port update', run: (i, client) => this.updatePort(i, client) },
      { name: 'port delete', run: (_, client) => this.remove('ports', this.madePorts, client) },
      { name: 'rule create', run: (i, client) => this.createRule(i, client) },
      { name: 'rule delete', run: (_, client) => this.remove('security-group-rules', this.madeRules, client) },
      page('first page of 500', ''),
      page('page in the middle', marked(middle(all))),
      page('last page of 500', marked(all.at(-pageSize - 1)!.id)),
      page('first page by name', '&sort_key=name&sort_dir=asc'),
      page('page in the middle by name', `&sort_key=name&sort_dir=asc${marked(middle(this.named))}`),
      page('page of a tenant', ofTenant),
      this.list('ports of a network', i => `ports?network_id=${this.of(this.networks, i)['id']}${paged}`),
      this.list('ports of an instance', i => `ports?device_id=${this.somePort(i)['device_id']}`),
      this.list('port by its address', i => {
        const { network_id, address } = this.somePort(i);
        return `ports?network_id=${network_id}&fixed_ips=ip_address%3D${address}`;
      }),
      this.list('ports of a host', i => `ports?binding:host_id=${this.of(this.hosts, i)}${paged}`),
      this.list('ports of a group', i => `ports?security_groups=${this.of(this.groups, i)['id']}${paged}`),
      this.list('floating IPs of a port', i => `floatingips?port_id=${this.somePort(i)['id']}`, 'floatingips'),
    ];
  }

  private of<T>(list: readonly T[], i: number): T {
    const { ports, asked = ports } = this.options;
    const some = Math.max(1, Math.floor((list.length * Math.min(asked, ports)) / ports));
    return list[((i * 7919) % some) * Math.floor(list.length / some)]!;
  }

  private somePort(i: number): Found {
    return this.of(this.ports, i);
  }

  private async createPort(i: number, client: number): Promise<Done> {
    const { project_id, network_id, group } = this.somePort(i);
    const reply = await this.api.ask(client, 'POST', 'ports', { port: this.portOf(project_id!, network_id!, group!) });
    if (reply.status === 201) this.madePorts.push(idOf(dataOf(reply), 'port'));
    return { ms: reply.ms, ok: reply.status === 201 };
  }

  private async get(client: number, path: string): Promise<Done> {
    const reply = await this.api.ask(client, 'GET', path);
    return { ms: reply.ms, ok: reply.status === 200 };
  }

  private async updatePort(i: number, client: number): Promise<Done> {
    const { id } = this.somePort(i);
    const reply = await this.api.ask(client, 'PUT', `ports/${id}`, { port: { description: `changed ${this.serial++}` } });
    return { ms: reply.ms, ok: reply.status === 200 };
  }

  private async createRule(i: number, client: number): Promise<Done> {
    const { id, project_id } = this.of(this.groups, i);
    const n = this.serial++;
    const remote_ip_prefix = `203.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`;
    const rule = { security_group_id: id, project_id, direction: 'ingress', protocol: 'udp', remote_ip_prefix };
    const reply = await this.api.ask(client, 'POST', 'security-group-rules', { security_group_rule: rule });
    if (reply.status === 201) this.madeRules.push(idOf(dataOf(reply), 'security_group_rule'));
    return { ms: reply.ms, ok: reply.status === 201 };
  }

  private async remove(path: string, made: string[], client: number): Promise<Done | undefined> {
    const id = made.shift();
    if (id === undefined) return undefined;
    const reply = await this.api.ask(client, 'DELETE', `${path}/${id}`);
    return { ms: reply.ms, ok: reply.status === 204 };
  }

  /** Answers are looked into once in a while: as many as the question had before. */
  private list(name: string, path: (i: number) => string, key = 'ports'): Phase {
    return {
      name,
      run: async (i, client) => {
        const reply = await this.api.ask(client, 'GET', path(i));
        if (reply.status !== 200) return { ms: reply.ms, ok: false };
        const ok = i % 20 !== 0 || name.startsWith('floating') || (dataOf(reply)[key] as unknown[]).length > 0;
        return { ms: reply.ms, ok };
      },
    };
  }

  private must(status: number, method: string, path: string, body?: object, client = 0): Promise<Data> {
    return this.api.must(client, status, method, path, body);
  }

  private async make(client: number, path: string, fields: object): Promise<string> {
    const key = path.replaceAll('-', '_').replace(/s$/, '');
    return idOf(await this.must(201, 'POST', path, { [key]: fields }, client), key);
  }
}
