// What a cloud asks of its server all day: instances come and go with their ports, addresses and rules, and somebody always looks.
import type { Agents } from './agents.ts';
import { type Api, type Data, dataOf } from './client.ts';
import type { Done } from './world.ts';

type Found = Readonly<Record<string, string>>;

export interface Place {
  readonly api: Api;
  readonly agents: Agents;
  /** Ports that stay, with `id`, `project_id`, `network_id` and `group`. */
  readonly ports: readonly Found[];
  readonly external: string;
  readonly hosts: readonly string[];
}

/** How long each question took, and how many were not answered as they should be. */
export class Tally {
  times: number[] = [];
  errors = 0;
  readonly complaints = new Map<string, number>();

  complain(what: string): void {
    this.errors++;
    this.complaints.set(what, (this.complaints.get(what) ?? 0) + 1);
  }

  /** What there was since it was asked last. */
  take(): { readonly times: readonly number[]; readonly errors: number } {
    const { times, errors } = this;
    this.times = [];
    this.errors = 0;
    return { times, errors };
  }
}

interface Instance {
  readonly port: string;
  readonly floatingIp: string | undefined;
}

/** Instances that are there at a time: as many go as come. */
const standing = 50;

export class Mixed {
  readonly tally = new Tally();
  private readonly place: Place;
  private readonly instances: Instance[] = [];
  private readonly rules: string[] = [];
  private serial = 0;

  constructor(place: Place) {
    this.place = place;
  }

  /** One thing that somebody does, of some questions one after the other. */
  async run(i: number, client: number): Promise<Done> {
    const began = performance.now();
    await this.turn(i, client);
    return { ms: performance.now() - began, ok: true };
  }

  private async turn(i: number, client: number): Promise<void> {
    const turn = i % 20;
    if (turn < 5) await this.boot(i, client);
    else if (turn < 8) await this.look(i, client);
    else if (turn < 10) await this.rule(i, client);
    else if (turn === 10 && i % 60 === 10) await this.topology(i, client);
    else await this.show(i, client);
  }

  private some(i: number): Found {
    return this.place.ports[(i * 7919) % this.place.ports.length]!;
  }

  private async boot(i: number, client: number): Promise<void> {
    const { project_id, network_id, group } = this.some(i);
    const host = this.place.hosts[i % this.place.hosts.length]!;
    const wish = { project_id, network_id, name: `soak-${this.serial++}`, security_groups: [group], device_id: `soak-${i}` };
    const port = await this.make(client, 'ports', 'port', { ...wish, device_owner: 'compute:nova' });
    if (port === undefined) return;
    await this.ask(client, 200, 'PUT', `ports/${port}`, { port: { 'binding:host_id': host } });
    await this.wire(host, port);
    const shown = await this.ask(client, 200, 'GET', `ports/${port}`);
    if (shown && (shown['port'] as Found)['status'] !== 'ACTIVE') this.tally.complain('a port that is wired and served is not ACTIVE');
    await this.ask(client, 200, 'GET', `ports?device_id=soak-${i}`);
    const outside = { project_id, floating_network_id: this.place.external, port_id: port };
    const floatingIp = i % 4 === 0 ? await this.make(client, 'floatingips', 'floatingip', outside) : undefined;
    this.instances.push({ port, floatingIp });
    const gone = this.instances.length > standing ? this.instances.shift() : undefined;
    if (!gone) return;
    if (gone.floatingIp !== undefined) await this.ask(client, 204, 'DELETE', `floatingips/${gone.floatingIp}`);
    await this.ask(client, 204, 'DELETE', `ports/${gone.port}`);
  }

  private async wire(host: string, port: string): Promise<void> {
    const began = performance.now();
    try {
      await this.place.agents.wire(host, port);
      this.tally.times.push(performance.now() - began);
    } catch (error) {
      this.tally.complain(`an agent: ${String(error)}`);
    }
  }

  private async look(i: number, client: number): Promise<void> {
    const { project_id, network_id, group } = this.some(i);
    const paths = [
      'ports?limit=500',
      `ports?network_id=${network_id}`,
      `ports?project_id=${project_id}`,
      `security-group-rules?security_group_id=${group}`,
      'networks?limit=100&sort_key=name&sort_dir=asc',
      `floatingips?project_id=${project_id}`,
    ];
    await this.ask(client, 200, 'GET', paths[i % paths.length]!);
  }

  private async show(i: number, client: number): Promise<void> {
    const { id } = this.some(i);
    if (i % 5 > 0) await this.ask(client, 200, 'GET', `ports/${id}`);
    else await this.ask(client, 200, 'PUT', `ports/${id}`, { port: { description: `seen ${this.serial++}` } });
  }

  private async rule(i: number, client: number): Promise<void> {
    const { project_id, group } = this.some(i);
    const n = this.serial++;
    const remote_ip_prefix = `203.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}/32`;
    const wish = { security_group_id: group, project_id, direction: 'ingress', protocol: 'tcp', remote_ip_prefix };
    const made = await this.make(client, 'security-group-rules', 'security_group_rule', wish);
    if (made !== undefined) this.rules.push(made);
    const gone = this.rules.length > standing ? this.rules.shift() : undefined;
    if (gone !== undefined) await this.ask(client, 204, 'DELETE', `security-group-rules/${gone}`);
  }

  /** A network with a subnet and a router comes and goes. */
  private async topology(i: number, client: number): Promise<void> {
    const { project_id } = this.some(i);
    const network = await this.make(client, 'networks', 'network', { project_id, name: `soak-${this.serial++}` });
    const subnet =
      network && (await this.make(client, 'subnets', 'subnet', { project_id, network_id: network, ip_version: 4, cidr: '10.9.0.0/24' }));
    const router = subnet && (await this.make(client, 'routers', 'router', { project_id }));
    if (!router) return;
    await this.ask(client, 200, 'PUT', `routers/${router}/add_router_interface`, { subnet_id: subnet });
    await this.ask(client, 200, 'PUT', `routers/${router}/remove_router_interface`, { subnet_id: subnet });
    await this.ask(client, 204, 'DELETE', `routers/${router}`);
    await this.ask(client, 204, 'DELETE', `networks/${network}`);
  }

  private async make(client: number, path: string, key: string, fields: object): Promise<string | undefined> {
    const made = await this.ask(client, 201, 'POST', path, { [key]: fields });
    return made && (made[key] as { id: string }).id;
  }

  /** Undefined where the answer was another. */
  private async ask(client: number, status: number, method: string, path: string, body?: object): Promise<Data | undefined> {
    const reply = await this.place.api.ask(client, method, path, body);
    if (reply.status === status) {
      this.tally.times.push(reply.ms);
      return status === 204 ? {} : dataOf(reply);
    }
    this.tally.complain(`${method} ${path.replaceAll(/[0-9a-f-]{32,36}/g, '…')} answered ${reply.status}`);
    return undefined;
  }
}
