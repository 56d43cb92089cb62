// The interface driver for Open vSwitch on a real one, in the namespaces that host-doors.test.ts makes: two devices of a bridge that speak to each other,
// before and after everything that may become of the switch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHost } from '../../../src/adapters/host/open-host.ts';
import type { PortDevice } from '../../../src/agent/interface/driver.ts';
import { openInterfaceDriver } from '../../../src/agent/interface/open.ts';
import { cleanNamespaces } from '../../../src/main/cleanup/namespaces.ts';
import { Ovs } from '../ovs.ts';

const devices: readonly (PortDevice & { readonly address: string })[] = [1, 2].map(n => ({
  portId: `0f1a2b3c-${n}d5e-4f60-8a7b-9c0d1e2f3a4b`,
  netns: `qrouter-0f1a2b3c-${n}d5e-4f60-8a7b-000000000000`,
  name: `qr-0f1a2b3c-${n}d`,
  mac: `fa:16:3e:00:00:0${n}`,
  mtu: 1450,
  address: `10.0.0.${n}`,
}));

for (const useVeth of [false, true])
  test(useVeth ? 'pairs of veths' : 'devices of the switch', async () => {
    const host = openHost();
    const { links } = host;
    await using ovs = await Ovs.open();
    ovs.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev');
    await using driver = openInterfaceDriver(host, {
      kind: 'openvswitch',
      bridge: 'br-int',
      useVeth,
      datapathType: 'netdev',
      connection: `unix:${ovs.folder}/db.sock`,
      timeoutMs: 10_000,
    });
    const heard = new Set<string>();
    await using _watch = driver.watch({ lost: key => heard.add(key), changed: () => {} });
    for (const { netns } of devices) await links.addNamespace(netns);

    const bring = async (): Promise<void> => {
      const outside = await driver.look();
      for (const device of devices) {
        const inside = (await links.list(device.netns)).find(l => l.name === device.name);
        const verdict = outside.judge(device, inside);
        if (verdict.kind === 'whole') continue;
        assert.notEqual(verdict.kind, 'refused');
        if (verdict.kind !== 'refused') assert.deepEqual(await driver.plug([{ device, verdict }]), []);
        const { name, mtu, address } = device;
        const changes = [
          { do: 'set-link', name, mtu, up: true },
          { do: 'add-address', dev: name, cidr: `${address}/24` },
        ] as const;
        assert.deepEqual(await links.apply(device.netns, changes), []);
      }
    };
    const judged = async (): Promise<string[]> => {
      const outside = await driver.look();
      const each = devices.map(
        async d =>
          outside.judge(
            d,
            (await links.list(d.netns)).find(l => l.name === d.name),
          ).kind,
      );
      return Promise.all(each);
    };
    /** As the L2 agent does. */
    const wire = (): void => {
      for (const { portId, name } of devices) {
        const port = useVeth ? `tap${portId.slice(0, 11)}` : name;
        ovs.vsctl('set', 'Port', port, 'tag=5', '--', 'clear', 'Port', port, 'vlan_mode', 'trunks');
      }
    };
    const [one, two] = devices as [(typeof devices)[0], (typeof devices)[0]];
    const pings = async (): Promise<boolean> => (await host.processes.run(one.netns, ['ping', '-n', '-c1', '-W1', two.address])).code === 0;
    /** A checksum that nobody has completed is seen by TCP alone. */
    const talks = async (): Promise<boolean> => {
      const server = host.processes.run(two.netns, ['timeout', '5', 'nc', '-l', '-N', '-p', '7000'], { input: '' });
      await sleep(300);
      await host.processes.run(one.netns, ['timeout', '3', 'nc', '-N', two.address, '7000'], { input: 'x'.repeat(100_000) });
      return (await server).stdout.length === 100_000;
    };
    const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
      for (const deadline = performance.now() + 20_000; !(await holds()); await sleep(50))
        if (performance.now() > deadline) throw new Error(what);
    };

    await bring();
    assert.deepEqual(await judged(), ['whole', 'whole']);
    assert.equal(await pings(), false, 'a port that nobody has wired is dead');
    wire();
    await until('the devices reach each other', pings);
    await until('TCP passes', talks);

    heard.clear();
    await ovs.stop();
    assert.equal(await pings(), false, 'the control: without the switch nothing passes');
    await ovs.start();
    if (!useVeth) {
      await until('both are told of', () => heard.size === 2);
      assert.deepEqual(await judged(), ['anew', 'anew']);
    }
    await bring();
    assert.deepEqual(await judged(), ['whole', 'whole']);
    await until('they reach each other again, without being wired anew', pings);
    await until('TCP passes', talks);

    await links.delNamespace(two.netns);
    await links.addNamespace(two.netns);
    await bring();
    wire();
    await until('a device that was lost is made again', pings);

    await driver.unplug(one.netns, [one.name]);
    if (useVeth) await driver.unplug(two.netns, [two.name]);
    else {
      // ovs-vsctl finds the switch by it.
      process.env['OVS_RUNDIR'] = ovs.folder;
      const { removed, problems } = await cleanNamespaces({ links, types: ['l3'], force: true });
      assert.deepEqual([[...removed].sort(), problems], [devices.map(d => d.netns), []]);
      for (const { netns } of devices) await links.addNamespace(netns);
    }
    assert.equal(ovs.vsctl('list-ports', 'br-int'), '');
    for (const { netns } of devices) {
      assert.deepEqual(
        (await links.list(netns)).map(l => l.name),
        ['lo'],
      );
      await links.delNamespace(netns);
    }
    assert.deepEqual(
      (await links.list('')).filter(l => /^(tap|qr-)/.test(l.name)).map(l => l.name),
      [],
    );
  });
