// The cells of the matrix as tests: each type of network on each switch that has it, in both families.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kind } from '../interop/agents/lab.ts';
import { families, type MatrixWorld, type Member, typesOf } from './matrix-world.ts';

export const kinds = ['linuxbridge', 'openvswitch'] as const;
export const hostsOf = { linuxbridge: ['lb1', 'lb2'], openvswitch: ['ovs3', 'ovs4'] } as const;
const names = { linuxbridge: 'Linux bridge', openvswitch: 'Open vSwitch' } as const;

/** Two on the first host of a kind, and one on the second where the network leaves a host. */
export interface Trio {
  readonly one: Member;
  readonly beside: Member;
  readonly across?: Member;
}

export class Cells {
  private readonly types: readonly string[];
  private readonly trios = new Map<string, Trio>();

  constructor(types: readonly string[]) {
    this.types = types;
  }

  typesOf(kind: Kind): readonly string[] {
    return typesOf[kind].filter(type => this.types.includes(type));
  }

  get all(): readonly Member[] {
    return [...this.trios.values()].flatMap(({ one, beside, across }) => [one, beside, ...(across ? [across] : [])]);
  }

  trio(kind: Kind, type: string): Trio {
    const found = this.trios.get(`${kind} ${type}`);
    assert.ok(found, `${kind} ${type}`);
    return found;
  }

  async open(world: MatrixWorld): Promise<void> {
    for (const type of this.types) await world.network(type);
    await Promise.all(kinds.map(kind => this.plug(world, kind)));
    await world.active(...this.all.map(vm => vm.port.id));
  }

  /** The same MACs and addresses in all networks. */
  private async plug(world: MatrixWorld, kind: Kind): Promise<void> {
    const [near, far] = hostsOf[kind];
    const base = kind === 'linuxbridge' ? 20 : 30;
    for (const type of this.typesOf(kind)) {
      const [one, beside, across] = await Promise.all([
        world.instance(near, type, same(base + 1)),
        world.instance(near, type, same(base + 2)),
        ...(type === 'local' ? [] : [world.instance(far, type, same(base + 3))]),
      ]);
      this.trios.set(`${kind} ${type}`, { one, beside, ...(across ? { across } : {}) });
    }
  }

  /** Declares the tests; `world` is there when they run. */
  declare(world: () => MatrixWorld): void {
    for (const kind of kinds) for (const type of this.typesOf(kind)) this.declareType(world, kind, type);
    for (const type of this.typesOf('linuxbridge').filter(t => t !== 'local'))
      for (const family of families)
        test(`Linux bridge and Open vSwitch, ${type}, ${family}: ping and TCP between hosts`, async () => {
          const [bridge, ovs] = [this.trio('linuxbridge', type).one, this.trio('openvswitch', type).one];
          await world().talks(bridge, ovs, family);
          await world().talks(ovs, bridge, family);
        });
  }

  private declareType(world: () => MatrixWorld, kind: Kind, type: string): void {
    for (const family of families) {
      test(`${names[kind]}, ${type}, ${family}: ping and TCP on one host`, async () => {
        const { one, beside } = this.trio(kind, type);
        await world().talks(one, beside, family);
      });
      if (type === 'local') continue;
      test(`${names[kind]}, ${type}, ${family}: ping and TCP between hosts`, async () => {
        const { one, across } = this.trio(kind, type);
        await world().talks(one, across!, family);
        await world().talks(across!, one, family);
      });
    }
    if (type !== 'local')
      test(`${names[kind]}, ${type}: the MTU passes between hosts, and no more`, () => this.widths(world(), kind, type));
  }

  private async widths(world: MatrixWorld, kind: Kind, type: string): Promise<void> {
    const { one, across } = this.trio(kind, type);
    const mtu = world.mtu(type);
    for (const family of families) {
      const header = family === 'IPv4' ? 28 : 48;
      const ping = (bytes: number) =>
        world.tryInside(one, 'ping', '-n', '-c1', '-W0.3', '-M', 'do', '-s', String(bytes - header), across!.addresses[family]);
      const passes = async (bytes: number): Promise<boolean> => (await ping(bytes)).code === 0;
      await world.until(`${mtu} bytes of ${family} pass`, () => passes(mtu));
      const refused = await ping(mtu + 1);
      assert.match(`${refused.stdout}${refused.stderr}`, /message too long/i);
      // An instance that was told wrong: what it sends fits nowhere on the way. Where the kernel takes a tag into account there is room for one.
      const more = mtu + 1 + (type === 'flat' || type === 'vlan' ? tag : 0);
      await world.inside(one, 'ip', 'link', 'set', 'eth0', 'mtu', String(more));
      assert.equal(await passes(more), false, `${more} bytes of ${family}`);
      await world.until(`${mtu} bytes of ${family} pass again`, () => passes(mtu));
      await world.inside(one, 'ip', 'link', 'set', 'eth0', 'mtu', String(mtu));
    }
  }
}

const tag = 4;
const same = (n: number): object => ({
  mac_address: `fa:16:3e:05:00:${n}`,
  fixed_ips: [{ ip_address: `10.5.0.${n}` }, { ip_address: `fd00:5::${n}` }],
});
