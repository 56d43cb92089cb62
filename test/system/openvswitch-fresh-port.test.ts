// A device that is plugged into a real switch and that no agent has dealt with: its guest sends from the first moment on, with tags of the VLANs
// that other networks have on that host, and listens.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules, python } from './attack-world.ts';
import type { Job } from './job.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { plugInto } from './openvswitch-host.ts';
import { broadcast, bytes, eth, hex, sniffer, u16 } from './raw-frames.ts';

/** Sends the frames in turn, some thousand a second, until it is killed. */
const blaster = `
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
frames = [bytes.fromhex(f) for f in sys.argv[2].split(',')]
print('sending', flush=True)
while True:
    for f in frames:
        try: s.send(f)
        except OSError: pass
        time.sleep(0.0003)
`;
const TYPE = 0x88b5;
const payload = (mark: string): number[] => bytes([...Buffer.from(mark.padEnd(46))]);
const tagged = (vlans: readonly number[], src: string, mark: string, tpid = 0x8100): string => {
  const tags = vlans.flatMap((v, i) => [...u16(i === 0 ? tpid : 0x8100), ...u16(v)]);
  const plain = eth(broadcast, src, TYPE, payload(mark));
  return hex(bytes(plain.slice(0, 12), tags, plain.slice(12)));
};
const skip = noSandbox() || noSwitch();
const marked = (job: Job, mark: string): number => job.output().split(Buffer.from(mark).toString('hex')).length - 1;

for (const firewall of ['noop', 'openvswitch'] as const)
  describe(`a fresh port beside ports of two networks, with the firewall ${firewall}`, { skip }, () => {
    let world: BridgeWorld;
    let here: Instance;
    let there: Instance;
    const ears: Job[] = [];
    let count = 10;

    const instance = async (port: FakePort): Promise<Instance> => {
      const vm = { host: 'h1', ns: `vm-${port.id.slice(0, 8)}`, port };
      await world.on('h1', 'ip', 'netns', 'add', vm.ns);
      await world.on(
        'h1',
        'ip',
        'link',
        'add',
        tapOf(port.id),
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        vm.ns,
        'address',
        port.mac,
      );
      await world.on('h1', 'ip', '-n', vm.ns, 'link', 'set', 'eth0', 'up', 'promisc', 'on');
      return vm;
    };
    const job = async (vm: Instance, script: string, word: string, ...args: string[]): Promise<Job> => {
      const started = world.spawn(vm, [python, '-c', script, 'eth0', ...args]);
      await world.until(word, async () => started.output().includes(word));
      return started;
    };
    const blast = (vm: Instance, frames: readonly string[]): Promise<Job> => job(vm, blaster, 'sending', frames.join());
    const listen = (vm: Instance): Promise<Job> => job(vm, sniffer, 'listening');
    const tagOf = async (vm: Instance): Promise<string> =>
      (await world.on('h1', 'ovs-vsctl', '--if-exists', 'get', 'Port', tapOf(vm.port.id), 'tag')).trim();
    const start = (wait = true): Promise<void> => world.agent('h1', { firewall, permittedEthertypes: [TYPE] }, wait);
    /** One that has not begun to be plugged in; of an own network. */
    const fresh = async (): Promise<Instance> => {
      const n = count++;
      return instance(world.server.port(n, world.server.network(n, { type: 'local' }), { groups: [...world.server.groups.keys()] }));
    };

    before(async () => {
      world = await BridgeWorld.open(1, 'openvswitch');
      const groups = [world.server.group(1, anyRules)];
      const ports = [1, 2].map(n => world.server.port(n, world.server.network(n, { type: 'local' }), { groups }));
      [here, there] = (await Promise.all(ports.map(instance))) as [Instance, Instance];
      for (const vm of [here, there]) await plugInto(world, vm);
      await start();
      await world.active(...ports);
      for (const vm of [here, there]) ears.push(await listen(vm));
      // What floods, so that a trunk would hear it.
      await blast(here, [tagged([], here.port.mac, 'a neighbour')]);
    });
    after(() => world?.[Symbol.asyncDispose]());

    /** Nothing of it came to anybody; what came to it is counted, and comes no more once it is shut. */
    async function deadAtFirst(t: TestContext, shuts: boolean): Promise<Instance> {
      const vm = await fresh();
      const { mac } = vm.port;
      const mark = `fresh ${count}`;
      const vlans = [...Array(8).keys()];
      const single = vlans.flatMap(v => [tagged([v], mac, mark), tagged([v, v], mac, mark), tagged([v, 1], mac, mark, 0x88a8)]);
      const loud = await blast(vm, [tagged([], mac, mark), ...single]);
      const ear = await listen(vm);
      await plugInto(world, vm);
      if (shuts) {
        await world.until('it is shut', async () => (await tagOf(vm)) === '4095');
        await world.until(
          'the switch has taken it up',
          async () => (await world.attempt('h1', 'ovs-vsctl', 'set', 'Open_vSwitch', '.', 'external_ids:x=y')).code === 0,
        );
      }
      // A second of its frames, of which any would do.
      await new Promise(resolve => setTimeout(resolve, 1000));
      const before = marked(ear, 'a neighbour');
      await new Promise(resolve => setTimeout(resolve, 500));
      const after = marked(ear, 'a neighbour');
      loud.kill();
      ear.kill();
      t.diagnostic(`${after} frames came to it`);
      assert.deepEqual(
        ears.map(e => marked(e, mark)),
        [0, 0],
      );
      if (shuts) assert.equal(after, before, 'what is flooded comes to it');
      return vm;
    }

    test('while the agent waits for the server in the middle of a pass', async t => {
      world.server.late.add('get_devices_details_list');
      await plugInto(world, await fresh());
      await world.until('a pass waits', async () => world.server.held.length > 0);
      const vm = await deadAtFirst(t, true);
      world.server.late.clear();
      for (const answer of world.server.held.splice(0)) answer();
      await world.active(vm.port);
      // Alive, and no trunk: its own network is heard by who is in it.
      const mark = `alive ${count}`;
      const peer = world.server.port(count++, world.server.networks.get(vm.port.network)!, { groups: vm.port.groups });
      const other = await instance(peer);
      await plugInto(world, other);
      await world.active(peer);
      const ear = await listen(other);
      await blast(vm, [tagged([], vm.port.mac, mark), tagged([1], vm.port.mac, mark), tagged([2], vm.port.mac, mark)]);
      await world.until('its neighbour hears it', async () => marked(ear, mark) > 100);
      assert.deepEqual(
        ears.map(e => marked(e, mark)),
        [0, 0],
      );
    });

    test('plugged anew under its number, it is no trunk', async () => {
      const vm = await fresh();
      await plugInto(world, vm);
      await world.active(vm.port);
      world.kill('h1');
      const mark = `anew ${count}`;
      const tap = tapOf(vm.port.id);
      const number = (): Promise<string> => world.on('h1', 'ovs-vsctl', 'get', 'Interface', tap, 'ofport');
      const was = await number();
      const loud = await blast(
        vm,
        [1, 2, 3].map(v => tagged([v], vm.port.mac, mark)),
      );
      await world.on(
        'h1',
        'ovs-vsctl',
        'del-port',
        tap,
        '--',
        'add-port',
        'br-int',
        tap,
        '--',
        'set',
        'Interface',
        tap,
        `external_ids:iface-id=${vm.port.id}`,
      );
      assert.equal(await number(), was);
      assert.equal(await tagOf(vm), '[]');
      await new Promise(resolve => setTimeout(resolve, 1000));
      loud.kill();
      assert.deepEqual(
        ears.map(e => marked(e, mark)),
        [0, 0],
      );
      await start();
    });

    test('while no agent runs', async t => {
      world.kill('h1');
      await deadAtFirst(t, false);
      await start();
    });
  });
