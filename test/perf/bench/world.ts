// What the benchmark makes at a server, and asks it: everything is of projects of its own. The servers go with what was made at them.
import { Api, type Data, dataOf, type Target } from './client.ts';

export interface WorldOptions {
  readonly clients: number;
  /** Ports that a list has. */
  readonly ports: number;
  /** Of what phases use up, so much is made before where it is missing. */
  readonly stock: number;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** How long an operation took, and whether it was answered as it should be. */
export interface Done {
  readonly ms: number;
  readonly ok: boolean;
  /** Of how many objects it was. */
  readonly items?: number;
}

/** Undefined: there is nothing left to do it with. */
export type Operation = (i: number, client: number) => Promise<Done | undefined>;

export interface Phase {
  readonly name: string;
  readonly run: Operation;
  /** Makes what the phase uses up, where little of it is there; stops after so many ms. */
  readonly before?: (mostMs: number) => Promise<void>;
}

const networks = 10;
/** Of so many answers one is read as a whole: reading must not be what is measured. */
const readOneIn = 20;
/** And of lists, which are long. */
const readListOneIn = 50;
export const wholeList = 'list of all ports';
export const phaseNames = [
  ...(['network create', 'subnet create', 'port create', '50 ports in one POST', 'port show', wholeList] as const),
  ...(['list of a network', 'list with fields=id', 'pages of 500', 'port update', 'rule create'] as const),
  ...(['router with interface', 'floating IP with port'] as const),
] as const;
export type PhaseName = (typeof phaseNames)[number];
/** Of a page. */
export const pageSize = 500;

const ids = (objects: unknown): string[] => (objects as { id: string }[]).map(o => o.id);
/** A subnet of its own for each number. */
const small = (k: number): string => `10.${100 + ((k >> 8) % 150)}.${k & 255}.0/24`;

interface Known {
  readonly bytes: number;
  readonly items: number;
  /** The id of the last. */
  readonly last: string | undefined;
}

/** Lists that are counted, and read as a whole now and then: what one says is known by what was asked. */
class Lists {
  private readonly api: Api;
  private readonly count: number | undefined;
  private readonly known = new Map<string, Known>();

  constructor(api: Api, count?: number) {
    this.api = api;
    this.count = count;
  }

  async ask(path: string, i: number, client: number): Promise<{ readonly done: Done; readonly last: string | undefined }> {
    const reply = await this.api.ask(client, 'GET', path);
    const bad = { done: { ms: reply.ms, ok: false }, last: undefined };
    if (reply.status !== 200) return bad;
    let known = this.known.get(path);
    if (!known || i % readListOneIn === 0) {
      const all = ids(dataOf(reply)['ports']);
      if (all.length !== (this.count ?? known?.items ?? all.length)) return bad;
      known = { bytes: reply.bytes, items: all.length, last: all.at(-1) };
      this.known.set(path, known);
    }
    // One that was cut off is shorter; names differ by a few bytes each.
    return { done: { ms: reply.ms, ok: reply.bytes > known.bytes / 2, items: known.items }, last: known.last };
  }
}

export class World {
  readonly api: Api;
  private readonly project = crypto.randomUUID().replaceAll('-', '');
  /** What phases make is of another, so that the lists that are measured stay as they are. */
  private readonly other = crypto.randomUUID().replaceAll('-', '');
  private readonly options: WorldOptions;
  private readonly name: string;
  /** The networks of the ports that are listed. */
  private readonly base: string[] = [];
  /** Those of the ports that are made on the way, and have a router to the outside. */
  private readonly side: string[] = [];
  /** Networks without a subnet. */
  private readonly bare: string[] = [];
  /** Subnets that no router has yet. */
  private readonly spare: string[] = [];
  private readonly groups: string[] = [];
  private readonly ports: string[] = [];
  private readonly made: string[] = [];
  private external = '';
  private serial = 0;

  constructor(target: Target, options: WorldOptions) {
    this.api = new Api(target, options.clients);
    this.options = options;
    this.name = target.name;
  }

  async prepare(): Promise<void> {
    const most = 10_000_000;
    const kinds = ['network', 'subnet', 'port', 'router', 'floatingip', 'security_group', 'security_group_rule'];
    for (const project of [this.project, this.other])
      await this.must(200, 'PUT', `quotas/${project}`, { quota: Object.fromEntries(kinds.map(kind => [kind, most])) });
    for (let k = 0; k < networks; k++) {
      const [base, side] = [await this.network(this.project), await this.network(this.other)];
      await this.subnet(base, `10.${k}.0.0/16`);
      await this.subnet(side, `10.${20 + k}.0.0/16`);
      this.base.push(base);
      this.side.push(side);
    }
    for (let k = 0; k < 8; k++) this.groups.push(await this.make('security-groups', 'security_group', {}));
    await this.openOutside();
    await this.fill();
  }

  /** A network outside, and one router by which all ports can have an address there. */
  private async openOutside(): Promise<void> {
    this.external = await this.make('networks', 'network', { project_id: this.other, 'router:external': true });
    await this.make('subnets', 'subnet', { network_id: this.external, ip_version: 4, cidr: '198.18.0.0/15', enable_dhcp: false });
    const router = await this.make('routers', 'router', {
      project_id: this.other,
      external_gateway_info: { network_id: this.external },
    });
    const { subnets } = await this.must(200, 'GET', `subnets?project_id=${this.other}&fields=id&fields=network_id`);
    for (const { id, network_id } of subnets as { id: string; network_id: string }[])
      if (this.side.includes(network_id)) await this.must(200, 'PUT', `routers/${router}/add_router_interface`, { subnet_id: id });
  }

  phases(): Phase[] {
    const { project } = this;
    const runs: Readonly<Record<PhaseName, Operation>> = {
      'network create': (_, client) => this.createNetwork(client),
      'subnet create': (i, client) => this.createSubnet(i, client),
      'port create': (i, client) => this.createPort(i, client),
      '50 ports in one POST': (i, client) => this.createMany(i, client),
      'port show': (i, client) => this.showPort(i, client),
      'list of all ports': this.list(() => `ports?project_id=${project}`, this.options.ports),
      'list of a network': this.list(i => `ports?network_id=${this.base[i % networks]}`),
      'list with fields=id': this.list(() => `ports?project_id=${project}&fields=id`, this.options.ports),
      'pages of 500': this.pages(),
      'port update': (i, client) => this.updatePort(i, client),
      'rule create': (i, client) => this.createRule(i, client),
      'router with interface': (_, client) => this.createRouter(client),
      'floating IP with port': (i, client) => this.createFloatingIp(i, client),
    };
    const before: Readonly<Partial<Record<PhaseName, NonNullable<Phase['before']>>>> = {
      'router with interface': mostMs => this.makeEnough(this.spare, mostMs, (i, client) => this.createSubnetOfOwn(i, client)),
      'floating IP with port': mostMs => this.makeEnough(this.made, mostMs, (i, client) => this.createPort(i, client)),
    };
    return phaseNames.map(name => ({ name, run: runs[name], ...(before[name] ? { before: before[name] } : {}) }));
  }

  private async makeEnough(there: readonly string[], mostMs: number, make: Operation): Promise<void> {
    const { clients, signal, stock } = this.options;
    const began = performance.now();
    const enough = there === this.made ? this.nextPort + stock : stock;
    const one = async (client: number): Promise<void> => {
      while (there.length < enough && performance.now() - began < mostMs && !signal?.aborted) await make(this.serial, client);
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  }

  private async createSubnetOfOwn(i: number, client: number): Promise<Done> {
    await this.createNetwork(client);
    return this.createSubnet(i, client);
  }

  private async createNetwork(client: number): Promise<Done> {
    const reply = await this.api.ask(client, 'POST', 'networks', { network: { ...this.named('network'), project_id: this.other } });
    if (reply.status !== 201) return { ms: reply.ms, ok: false };
    this.bare.push((dataOf(reply)['network'] as { id: string }).id);
    return { ms: reply.ms, ok: true };
  }

  private async createSubnet(i: number, client: number): Promise<Done> {
    // Those that the phase before has made, or, where it ran shortly, more than one to a network.
    const network_id = this.bare.shift() ?? this.side[i % networks]!;
    const reply = await this.api.ask(client, 'POST', 'subnets', {
      subnet: { ...this.named('subnet'), project_id: this.other, network_id, ip_version: 4, cidr: small(Math.floor(i / networks)) },
    });
    if (reply.status !== 201) return { ms: reply.ms, ok: false };
    this.spare.push((dataOf(reply)['subnet'] as { id: string }).id);
    return { ms: reply.ms, ok: true };
  }

  private portOf(i: number): object {
    return { ...this.named('port'), project_id: this.other, network_id: this.side[i % networks] };
  }

  async createPort(i: number, client: number): Promise<Done> {
    const reply = await this.api.ask(client, 'POST', 'ports', { port: this.portOf(i) });
    if (reply.status !== 201) return { ms: reply.ms, ok: false };
    this.made.push((dataOf(reply)['port'] as { id: string }).id);
    return { ms: reply.ms, ok: true };
  }

  private async createMany(i: number, client: number): Promise<Done> {
    const reply = await this.api.ask(client, 'POST', 'ports', { ports: Array.from({ length: 50 }, () => this.portOf(i)) });
    if (reply.status !== 201) return { ms: reply.ms, ok: false };
    const made = ids(dataOf(reply)['ports']);
    this.made.push(...made);
    return { ms: reply.ms, ok: made.length === 50, items: made.length };
  }

  /** A prime walks the whole list in a scattered order. */
  private somePort(i: number): string {
    return this.ports[(i * 7919) % this.ports.length] as string;
  }

  private async showPort(i: number, client: number): Promise<Done> {
    const id = this.somePort(i);
    const reply = await this.api.ask(client, 'GET', `ports/${id}`);
    const right = i % readOneIn !== 0 || (dataOf(reply)['port'] as { id?: string })?.id === id;
    return { ms: reply.ms, ok: reply.status === 200 && right };
  }

  private async updatePort(i: number, client: number): Promise<Done> {
    const { name } = this.named('renamed');
    const reply = await this.api.ask(client, 'PUT', `ports/${this.somePort(i)}`, { port: { name } });
    const right = i % readOneIn !== 0 || (dataOf(reply)['port'] as { name?: string })?.name === name;
    return { ms: reply.ms, ok: reply.status === 200 && right };
  }

  /** `count`: what a whole list has; elsewhere the first answer to the same question says it. */
  private list(path: (i: number) => string, count?: number): Operation {
    const lists = new Lists(this.api, count);
    return async (i, client) => (await lists.ask(path(i), i, client)).done;
  }

  /** Each client walks from page to page; where the next one begins is known from when the page was read first. */
  private pages(): Operation {
    const lists = new Lists(this.api);
    const markers = new Map<number, string | undefined>();
    return async (i, client) => {
      const marker = markers.get(client);
      const from = marker === undefined ? '' : `&marker=${marker}`;
      const { done, last } = await lists.ask(`ports?project_id=${this.project}&limit=${pageSize}${from}`, i, client);
      markers.set(client, done.items === pageSize ? last : undefined);
      return { ...done, ok: done.ok && (done.items ?? 0) <= pageSize };
    };
  }

  private async createRule(i: number, client: number): Promise<Done> {
    const port = 1 + (this.serial++ % 65_000);
    // Neutron refuses the same rule in a group twice.
    const protocol = ['tcp', 'udp', 'sctp'][Math.floor(this.serial / 65_000) % 3];
    const rule = {
      security_group_id: this.groups[i % this.groups.length],
      project_id: this.project,
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol,
      port_range_min: port,
      port_range_max: port,
    };
    const reply = await this.api.ask(client, 'POST', 'security-group-rules', { security_group_rule: rule });
    return { ms: reply.ms, ok: reply.status === 201 };
  }

  private async createRouter(client: number): Promise<Done | undefined> {
    const subnet_id = this.spare.shift();
    if (subnet_id === undefined) return undefined;
    const made = await this.api.ask(client, 'POST', 'routers', { router: { ...this.named('router'), project_id: this.other } });
    if (made.status !== 201) return { ms: made.ms, ok: false };
    const { id } = dataOf(made)['router'] as { id: string };
    const joined = await this.api.ask(client, 'PUT', `routers/${id}/add_router_interface`, { subnet_id });
    return { ms: made.ms + joined.ms, ok: joined.status === 200 };
  }

  /** Of ports that have none yet: one after the other, and each once. */
  private nextPort = 0;

  private async createFloatingIp(_: number, client: number): Promise<Done | undefined> {
    const port_id = this.made[this.nextPort];
    if (port_id === undefined) return undefined;
    this.nextPort++;
    const made = await this.api.ask(client, 'POST', 'floatingips', {
      floatingip: { floating_network_id: this.external, project_id: this.other },
    });
    if (made.status !== 201) return { ms: made.ms, ok: false };
    const { id } = dataOf(made)['floatingip'] as { id: string };
    const joined = await this.api.ask(client, 'PUT', `floatingips/${id}`, { floatingip: { port_id } });
    return { ms: made.ms + joined.ms, ok: joined.status === 200 };
  }

  /** What is answered to the whole list, and to one port. */
  async bodies(): Promise<{ readonly list: Buffer; readonly port: Buffer }> {
    const [list, port] = [
      await this.api.ask(0, 'GET', `ports?project_id=${this.project}`),
      await this.api.ask(0, 'GET', `ports/${this.somePort(0)}`),
    ];
    return { list: list.body, port: port.body };
  }

  /** Each port of the whole list is another than it was. */
  async touch(): Promise<void> {
    await this.api.each(this.ports, async (id, client) => {
      this.options.signal?.throwIfAborted();
      await this.api.must(client, 200, 'PUT', `ports/${id}`, { port: { name: this.named('touched').name } });
    });
  }

  /** Ports on one network, all asked for at the same time, each by a client of its own. Answers how long the whole took, and how many were made. */
  async burst(api: Api, count: number): Promise<{ readonly ms: number; readonly made: number }> {
    const network_id = await this.network(this.other);
    await this.subnet(network_id, '10.99.0.0/16');
    const began = performance.now();
    const replies = await Promise.all(
      Array.from({ length: count }, (_, client) =>
        api.ask(client, 'POST', 'ports', { port: { ...this.named('burst'), project_id: this.other, network_id } }),
      ),
    );
    return { ms: performance.now() - began, made: replies.filter(r => r.status === 201).length };
  }

  /** As many ports as a list shall have. */
  private async fill(): Promise<void> {
    const { ports } = this.options;
    for (let i = 0; this.ports.length < ports; i++) {
      const one = (): object => ({ ...this.named('port'), network_id: this.base[i % networks] });
      const items = Array.from({ length: Math.min(50, ports - this.ports.length) }, one);
      this.ports.push(...ids((await this.must(201, 'POST', 'ports', { ports: items }))['ports']));
    }
    this.options.progress(`${this.name}: ${ports} ports are there`);
  }

  private named(kind: string): { readonly name: string; readonly project_id: string } {
    return { name: `bench-${kind}-${this.serial++}`, project_id: this.project };
  }

  private must(status: number, method: string, path: string, body?: object): Promise<Data> {
    this.options.signal?.throwIfAborted();
    return this.api.must(0, status, method, path, body);
  }

  private async make(path: string, key: string, fields: object): Promise<string> {
    const made = await this.must(201, 'POST', path, { [key]: { ...this.named(key), ...fields } });
    return (made[key] as { id: string }).id;
  }

  private network(project_id: string): Promise<string> {
    return this.make('networks', 'network', { project_id });
  }

  private subnet(network_id: string, cidr: string): Promise<string> {
    return this.make('subnets', 'subnet', { project_id: this.other, network_id, ip_version: 4, cidr });
  }
}
