// What the benchmark of agents makes at the server: networks, groups, and ports on the simulated hosts.
import { setTimeout as sleep } from 'node:timers/promises';
import { Api, type Target } from '../bench/client.ts';

const clients = 4;
/** Ports in one request. */
const bulk = 50;
const portsPerNetwork = 100;
const activeWithinMs = 300_000;

export interface BoundPort {
  readonly id: string;
  readonly host: string;
}

export class Cloud implements Disposable {
  private readonly api: Api;
  private readonly project = crypto.randomUUID().replaceAll('-', '');
  private readonly networks: string[] = [];

  constructor(target: Target) {
    this.api = new Api(target, clients);
  }

  [Symbol.dispose](): void {
    this.api[Symbol.dispose]();
  }

  async prepare(ports: number): Promise<void> {
    const kinds = ['network', 'subnet', 'port', 'security_group', 'security_group_rule'];
    await this.api.must(0, 200, 'PUT', `quotas/${this.project}`, { quota: Object.fromEntries(kinds.map(kind => [kind, 1_000_000])) });
    for (let n = 0; n < Math.max(1, Math.ceil(ports / portsPerNetwork)); n++) {
      const network = await this.make('networks', 'network', {});
      await this.make('subnets', 'subnet', {
        network_id: network,
        ip_version: 4,
        cidr: `10.${n >> 6}.${(n & 63) * 4}.0/22`,
        enable_dhcp: false,
      });
      this.networks.push(network);
    }
  }

  /** A group whose members let each other in. */
  async group(): Promise<string> {
    const id = await this.make('security-groups', 'security_group', { name: 'bench' });
    await this.rule(id, { remote_group_id: id });
    return id;
  }

  rule(group: string, more: object): Promise<string> {
    return this.make('security-group-rules', 'security_group_rule', {
      security_group_id: group,
      direction: 'ingress',
      ethertype: 'IPv4',
      ...more,
    });
  }

  /** One on each host of the list. */
  async ports(hosts: readonly string[], group: string): Promise<BoundPort[]> {
    const chunks = Array.from({ length: Math.ceil(hosts.length / bulk) }, (_, i) => ({
      at: i * bulk,
      hosts: hosts.slice(i * bulk, (i + 1) * bulk),
    }));
    const made: BoundPort[] = [];
    await this.api.each(chunks, async (chunk, client) => {
      const ports = chunk.hosts.map((host, i) => this.port(host, group, chunk.at + i));
      const answer = await this.api.must(client, 201, 'POST', 'ports', { ports });
      for (const port of answer['ports'] as { id: string; 'binding:host_id': string }[])
        made.push({ id: port.id, host: port['binding:host_id'] });
    });
    return made;
  }

  async onePort(host: string, group: string, number: number): Promise<BoundPort> {
    return { id: await this.make('ports', 'port', this.port(host, group, number)), host };
  }

  remove(kind: string, id: string): Promise<unknown> {
    return this.api.must(0, 204, 'DELETE', `${kind}/${id}`);
  }

  /** How long until the API says so of the port, asked every 2 ms. */
  async active(id: string): Promise<void> {
    for (const over = performance.now() + activeWithinMs; performance.now() < over; await sleep(2)) {
      const { port } = await this.api.must(0, 200, 'GET', `ports/${id}?fields=status`);
      if ((port as { status: string }).status === 'ACTIVE') return;
    }
    throw new Error(`the port ${id} did not become ACTIVE`);
  }

  /** How many ports of the group are not ACTIVE yet when the time is over, or none. */
  async allActive(withinMs = activeWithinMs): Promise<number> {
    for (const over = performance.now() + withinMs; ; await sleep(100)) {
      const { ports } = await this.api.must(0, 200, 'GET', `ports?project_id=${this.project}&status=DOWN&status=BUILD&fields=id`);
      const left = (ports as unknown[]).length;
      if (left === 0 || performance.now() > over) return left;
    }
  }

  private port(host: string, group: string, number: number): object {
    return {
      project_id: this.project,
      network_id: this.networks[number % this.networks.length],
      device_owner: 'compute:nova',
      device_id: crypto.randomUUID(),
      'binding:host_id': host,
      security_groups: [group],
    };
  }

  private async make(path: string, key: string, body: object): Promise<string> {
    const answer = await this.api.must(0, 201, 'POST', path, { [key]: { project_id: this.project, ...body } });
    return (answer[key] as { id: string }).id;
  }
}
