// An instance with a raw socket against what guards its port: what is not its own does not arrive, what is does.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { anyRules, type Case, python } from './attack-world.ts';
import type { Guard } from './guards.ts';
import type { Job } from './job.ts';
import { pings } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { bytes, eth, hex, sender, sniffer } from './raw-frames.ts';
import { forbidden, PAIR_MAC, permitted } from './spoofed-frames.ts';

/** One host, with a victim that hears all that comes to its device. */
export class SpoofScene {
  readonly world: BridgeWorld;
  attacker!: Instance;
  victim!: Instance;
  /** Without port security. */
  open!: Instance;
  /** With stateless rules. */
  stateless!: Instance;
  private ear!: Job;

  private constructor(world: BridgeWorld) {
    this.world = world;
  }

  static async make(guard: Guard): Promise<SpoofScene> {
    const world = await BridgeWorld.open(1, guard.kind);
    const scene = new SpoofScene(world);
    const network = world.server.network(1, guard.network);
    const groups = [world.server.group(1, anyRules)];
    const a = world.server.port(1, network, { groups, pairs: [{ mac_address: PAIR_MAC, ip_address: '10.0.7.0/24' }] });
    const v = world.server.port(2, network, { groups });
    const o = world.server.port(3, network, { groups: [], security: false });
    const s = world.server.port(4, network, { groups: [world.server.group(2, anyRules, false)] });
    await world.agent('h1', guard.config);
    scene.attacker = await world.instance('h1', a);
    scene.victim = await world.instance('h1', v);
    scene.open = await world.instance('h1', o);
    scene.stateless = await world.instance('h1', s);
    await world.active(a, v, o, s);
    // Promiscuous, so that frames to other MACs are seen if they come.
    await world.inside(scene.victim, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    scene.ear = world.spawn(scene.victim, [python, '-c', sniffer, 'eth0']);
    await world.until('the sniffer listens', async () => scene.ear.output().includes('listening'));
    return scene;
  }

  send(from: Instance, cases: readonly Case[]): Promise<string> {
    return this.world.inside(from, python, '-c', sender, 'eth0', cases.map(c => hex(c.frame)).join(','));
  }

  heard(c: Case): boolean {
    return this.ear.output().includes(hex(c.mark ?? c.frame));
  }

  /** All of them arrive. */
  async arrive(from: Instance, cases: readonly Case[]): Promise<void> {
    await this.send(from, cases);
    await this.world.until('all arrived', async () => cases.every(c => this.heard(c)), 3000).catch(() => {});
    this.none(cases.filter(c => !this.heard(c)));
  }

  /** None of them does; `fine` are sent behind them and do. */
  async stayOut(from: Instance, cases: readonly Case[], fine: readonly Case[]): Promise<void> {
    await this.send(from, [...cases, ...fine]);
    await this.world.until('what may be sent arrived', async () => fine.every(c => this.heard(c)));
    this.none(cases.filter(c => this.heard(c)));
  }

  private none(cases: readonly Case[]): void {
    assert.deepEqual(
      cases.map(c => c.name),
      [],
    );
  }

  /** A frame that anybody may send. */
  last({ port }: Instance): Case {
    return { name: 'the last', frame: eth(this.victim.port.mac, port.mac, 0x88b5, bytes([...Buffer.from(`that is all ${port.id}`)])) };
  }
}

export function antiSpoofing(guard: Guard, more: (scene: () => SpoofScene) => void = () => {}): void {
  describe(`anti-spoofing by ${guard.name}`, { skip: guard.skip }, () => {
    let scene: SpoofScene;
    before(async () => {
      scene = await SpoofScene.make(guard);
    });
    after(() => scene?.world[Symbol.asyncDispose]());
    spoofing(guard, () => scene);
    more(() => scene);
  });
}

function spoofing(guard: Guard, its: () => SpoofScene): void {
  test("what is the port's own arrives", async () => {
    const { attacker, victim } = its();
    await its().arrive(attacker, permitted(attacker.port, victim.port));
  });

  test('what is not its own does not', async () => {
    const { attacker, victim } = its();
    const cases = forbidden(attacker.port, victim.port).filter(c => !guard.blind(c));
    await its().stayOut(attacker, cases, [its().last(attacker)]);
  });

  test('a port with stateless rules sends as little', async () => {
    const { stateless, victim } = its();
    const cases = forbidden(stateless.port, victim.port).filter(c => !guard.blind(c));
    await its().stayOut(stateless, cases, [its().last(stateless)]);
  });

  test('a port without port security sends the very same frames', async () => {
    const { attacker, open, victim } = its();
    const cases = forbidden(attacker.port, victim.port).filter(c => !guard.blind(c) && !guard.lost(c));
    await its().arrive(open, cases);
  });

  test('a port whose rules make no sense is dead, and the others go on', async () => {
    const { world, attacker, victim } = its();
    const [network] = world.server.networks.values();
    const bad = world.server.group(9, [{ direction: 'ingress', ethertype: 'IPv4', protocol: 'no such' }]);
    const broken = await world.instance('h1', world.server.port(9, network!, { groups: [bad] }));
    const fine = await world.instance('h1', world.server.port(8, network!, { groups: [...attacker.port.groups] }));
    await world.active(fine.port);
    assert.equal(await pings(world, fine, victim.port.ips[0]!), true);
    assert.equal(await pings(world, broken, victim.port.ips[0]!), false);
    await world.until('it is said', async () => /cannot be enforced/.test(world.log('h1')));
  });
}
