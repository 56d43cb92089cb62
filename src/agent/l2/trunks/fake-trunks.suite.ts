// For tests: trunks of a FakeServer, with the methods of topic `trunk`, in the shapes of neutron-server.
import type { Bus, Json } from '../../../contracts/bus.ts';
import { type FakePort, type FakeServer, uuid } from '../fake-server.suite.ts';

export interface FakeTrunk {
  readonly id: string;
  readonly parent: FakePort;
  status: string;
  /** By port. */
  readonly subs: Map<FakePort, number>;
}

export class FakeTrunks implements AsyncDisposable {
  readonly trunks = new Map<string, FakeTrunk>();
  /** Each status that agents told, in their order. */
  readonly told: string[] = [];
  /** What was asked for at each question for bindings. */
  readonly bound: string[][] = [];
  /** Ports that cannot be bound. */
  readonly unbindable = new Set<FakePort>();
  /** Methods that fail, while listed. */
  readonly failing = new Set<'update_subport_bindings' | 'update_trunk_status'>();
  private readonly server: FakeServer;
  private served: AsyncDisposable | undefined;

  private constructor(server: FakeServer) {
    this.server = server;
  }

  static async open(bus: Bus, server: FakeServer): Promise<FakeTrunks> {
    const fake = new FakeTrunks(server);
    const methods = {
      update_subport_bindings: (args: Readonly<Record<string, Json>>) => fake.bind(args),
      update_trunk_status: (args: Readonly<Record<string, Json>>) => fake.status(args),
    };
    fake.served = await bus.serve({ topic: 'trunk', server: 'fake', endpoints: [{ namespace: 'trunk', version: '1.0', methods }] });
    return fake;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.served?.[Symbol.asyncDispose]();
  }

  make(n: number, parent: FakePort, subs: Iterable<readonly [FakePort, number]> = []): FakeTrunk {
    const trunk = { id: uuid(0x71, n), parent, status: 'DOWN', subs: new Map(subs) };
    this.trunks.set(trunk.id, trunk);
    this.write(trunk);
    return trunk;
  }

  async add(trunk: FakeTrunk, port: FakePort, tag: number): Promise<void> {
    trunk.subs.set(port, tag);
    await this.changed(trunk, 'created', port, tag);
  }

  /** A port that leaves a trunk is bound nowhere. */
  async remove(trunk: FakeTrunk, port: FakePort): Promise<void> {
    const tag = trunk.subs.get(port) ?? 0;
    trunk.subs.delete(port);
    Object.assign(port, { host: '', owner: '', status: 'DOWN' });
    await this.changed(trunk, 'deleted', port, tag);
  }

  async delete(trunk: FakeTrunk): Promise<void> {
    for (const port of trunk.subs.keys()) Object.assign(port, { host: '', owner: '', status: 'DOWN' });
    this.trunks.delete(trunk.id);
    this.server.object('Trunk', trunk.parent.id, undefined);
    await this.server.push('Trunk', 'deleted', image(trunk));
  }

  /** As committed; the push is another thing, and may be lost. */
  write(trunk: FakeTrunk): void {
    this.server.object('Trunk', trunk.parent.id, image(trunk));
  }

  private async changed(trunk: FakeTrunk, event: 'created' | 'deleted', port: FakePort, tag: number): Promise<void> {
    trunk.status = 'DOWN';
    this.write(trunk);
    await this.server.push('SubPort', event, sub(trunk, port, tag));
  }

  private bind({ subports }: Readonly<Record<string, Json>>): Record<string, unknown> {
    if (this.failing.has('update_subport_bindings')) throw new Error('away');
    const fields = (subports as unknown as { 'versioned_object.data': { trunk_id: string; port_id: string } }[]).map(
      s => s['versioned_object.data'],
    );
    this.bound.push(fields.map(s => s.port_id));
    const trunk = this.trunks.get(String(fields[0]?.trunk_id));
    if (!trunk) return {};
    const ports = fields.flatMap(s => [...trunk.subs.keys()].filter(p => p.id === s.port_id));
    trunk.status = ports.some(p => this.unbindable.has(p)) ? 'ERROR' : 'BUILD';
    this.write(trunk);
    if (trunk.status === 'ERROR') return { [trunk.id]: [] };
    for (const port of ports) Object.assign(port, { host: trunk.parent.host, owner: 'trunk:subport' });
    return { [trunk.id]: ports.map(p => ({ id: p.id, mac_address: p.mac })) };
  }

  private status({ trunk_id, status }: Readonly<Record<string, Json>>): null {
    if (this.failing.has('update_trunk_status')) throw new Error('away');
    const trunk = this.trunks.get(String(trunk_id));
    this.told.push(String(status));
    if (trunk) {
      trunk.status = String(status);
      this.write(trunk);
    }
    return null;
  }
}

const sub = ({ id }: FakeTrunk, port: FakePort, segmentation_id: number) => ({
  trunk_id: id,
  port_id: port.id,
  segmentation_type: 'vlan',
  segmentation_id,
});

const image = (trunk: FakeTrunk) => ({
  id: trunk.id,
  port_id: trunk.parent.id,
  status: trunk.status,
  admin_state_up: true,
  sub_ports: [...trunk.subs].map(([port, tag]) => sub(trunk, port, tag)),
});
