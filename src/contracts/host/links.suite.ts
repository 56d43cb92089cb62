// What every door to links must do: namespaces, links, addresses, bridges, and batches of changes.
import assert from 'node:assert/strict';
import test from 'node:test';
import { HostRefusal } from './firewall.ts';
import type { Link, LinkChange } from './links.ts';
import type { Netns } from './netns.ts';
import { type HostUnderTest, inNamespace, type OpenHost, until } from './under-test.ts';

export type LinksCheck = (what: string, body: (under: HostUnderTest, ns: Netns) => Promise<void>) => void;

/** Each check has a host, and a namespace of its own in it. */
export function linksCheck(name: string, open: OpenHost): LinksCheck {
  return (what, body) => {
    test(`links ${name}: ${what}`, { timeout: 30_000 }, async () => {
      await using under = await open();
      await inNamespace(under, ns => body(under, ns));
    });
  };
}

export function linksContract(name: string, open: OpenHost): void {
  const check = linksCheck(name, open);
  namespaces(check);
  batches(check);
  veths(check);
  moves(check);
  bridges(check);
  addresses(check);
}

export async function link(under: HostUnderTest, ns: Netns, name: string): Promise<Link | undefined> {
  return (await under.host.links.list(ns)).find(l => l.name === name);
}

/** Applies changes that must all be taken. */
export async function apply(under: HostUnderTest, ns: Netns, ...batch: LinkChange[]): Promise<void> {
  assert.deepEqual(await under.host.links.apply(ns, batch), []);
}

/** The reason for which the one change is refused. */
export async function refused(under: HostUnderTest, ns: Netns, change: LinkChange): Promise<string> {
  const refusals = await under.host.links.apply(ns, [change]);
  assert.equal(refusals.length, 1, `not refused: ${JSON.stringify(change)}`);
  assert.equal(refusals[0]?.index, 0);
  return refusals[0]?.reason ?? '';
}

export const bridge = (name: string): LinkChange => ({ do: 'add-link', link: { kind: 'bridge', name } });
export const veth = (name: string, peer: string): LinkChange => ({ do: 'add-link', link: { kind: 'veth', name, peer } });
export const up = (name: string): LinkChange => ({ do: 'set-link', name, up: true });

function namespaces(check: LinksCheck): void {
  check('a namespace is made once, has lo up, and goes once', async ({ host }, ns) => {
    await host.links.addNamespace(ns);
    assert.ok((await host.links.namespaces()).includes(ns));
    const links = await host.links.list(ns);
    assert.deepEqual(
      links.map(l => [l.name, l.kind, l.up]),
      [['lo', '', true]],
    );
    await host.links.delNamespace(ns);
    await host.links.delNamespace(ns);
    assert.ok(!(await host.links.namespaces()).includes(ns));
  });

  check('a namespace that is not there refuses every change, and cannot be read', async ({ host }, ns) => {
    const gone = `${ns}-x`;
    const refusals = await host.links.apply(gone, [up('lo'), bridge('br0')]);
    assert.deepEqual(
      refusals.map(r => r.index),
      [0, 1],
    );
    assert.match(refusals[1]?.reason ?? '', /Cannot open network namespace/);
    await assert.rejects(host.links.list(gone), HostRefusal);
    await assert.rejects(host.links.addNamespace('a/b'), HostRefusal);
    await assert.rejects(host.links.addNamespace('..'), HostRefusal);
  });

  check('a namespace takes its links with it, and their far ends elsewhere', async (under, ns) => {
    await apply(under, ns, veth('va', 'vb'));
    await inNamespace(under, async far => {
      await apply(under, ns, { do: 'set-link', name: 'vb', netns: far });
      assert.ok(await link(under, far, 'vb'));
    });
    await until(async () => (await link(under, ns, 'va')) === undefined, 'va gone');
  });
}

function batches(check: LinksCheck): void {
  check('a batch is applied in order, and a refused change does not stop the ones behind it', async (under, ns) => {
    const refusals = await under.host.links.apply(ns, [
      bridge('br0'),
      bridge('br0'),
      { do: 'set-link', name: 'nosuch', up: true },
      up('br0'),
      { do: 'del-address', dev: 'br0', cidr: '10.0.0.1/24' },
      { do: 'add-address', dev: 'br0', cidr: '10.0.0.2/24' },
    ]);
    assert.deepEqual(
      refusals.map(r => r.index),
      [1, 2, 4],
    );
    assert.match(refusals[0]?.reason ?? '', /File exists/);
    assert.match(refusals[1]?.reason ?? '', /Cannot find device "nosuch"/);
    assert.match(refusals[2]?.reason ?? '', /not found|Cannot assign/);
    const br0 = await link(under, ns, 'br0');
    assert.equal(br0?.up, true);
    assert.ok(br0.addresses.some(a => a.cidr === '10.0.0.2/24'));
  });

  check('words that could mean something else to a tool are refused alone', async (under, ns) => {
    const names = ['a b', 'a/b', 'a\nlink add name evil type bridge', '', '-x', 'x'.repeat(16), 'a#b', 'a"b', "a'b", 'eth%d', '..', 'é'];
    const batch: LinkChange[] = [...names.map(bridge), bridge('good')];
    const refusals = await under.host.links.apply(ns, batch);
    assert.deepEqual(
      refusals.map(r => r.index),
      names.map((_, i) => i),
    );
    assert.deepEqual((await under.host.links.list(ns)).map(l => l.name).sort(), ['good', 'lo']);
    for (const change of [
      { do: 'add-address', dev: 'good', cidr: '10.0.0.1/33' },
      { do: 'add-address', dev: 'good', cidr: '10.0.0.1/24 dev lo' },
      { do: 'replace-route', route: { dst: 'default', via: 'x', family: 4 } },
      { do: 'replace-neighbour', dev: 'good', ip: '10.0.0.1', mac: '02:00:00:00:00:0g' },
      { do: 'set-link', name: 'good', mtu: 1.5 },
      { do: 'set-link', name: 'good', alias: 'a\nb' },
      { do: 'set-link', name: 'good', alias: `both " and '` },
    ] satisfies LinkChange[])
      assert.match(await refused(under, ns, change), /not allowed/);
  });

  check('two hundred changes are one process, and one more for FDB entries among them', async (under, ns) => {
    await apply(under, ns, bridge('br0'), up('br0'));
    const add = (i: number): LinkChange[] => [
      { do: 'add-address', dev: 'br0', cidr: `10.7.${i}.1/24` },
      { do: 'replace-neighbour', dev: 'br0', ip: `10.7.${i}.2`, mac: '02:00:00:00:00:07' },
    ];
    const before = under.spawned?.() ?? 0;
    await apply(under, ns, ...Array.from({ length: 100 }, (_, i) => add(i)).flat());
    if (under.spawned) assert.equal(under.spawned() - before, 1);
    assert.equal((await under.host.links.neighbours(ns)).length, 100);

    await apply(under, ns, { do: 'add-link', link: { kind: 'vxlan', name: 'vx', id: 9, port: 8472, learning: false, proxy: true } });
    const mixed = (i: number): LinkChange[] => [
      { do: 'add-fdb', dev: 'vx', mac: '00:00:00:00:00:00', dst: `10.9.0.${i + 1}` },
      { do: 'replace-neighbour', dev: 'vx', ip: `10.8.${i}.2`, mac: '02:00:00:00:00:08' },
    ];
    const then = under.spawned?.() ?? 0;
    await apply(under, ns, ...Array.from({ length: 100 }, (_, i) => mixed(i)).flat());
    if (under.spawned) assert.equal(under.spawned() - then, 2);
    assert.equal((await under.host.links.fdb(ns)).filter(e => e.dev === 'vx' && e.dst !== undefined).length, 100);
  });
}

function veths(check: LinksCheck): void {
  check('a veth pair is made with its MACs and MTU, its far end elsewhere, and goes as a pair', async (under, ns) => {
    await inNamespace(under, async far => {
      await apply(under, ns, {
        do: 'add-link',
        link: { kind: 'veth', name: 'va', peer: 'vb', peerNetns: far, mtu: 1450, mac: '02:00:00:00:00:0A', peerMac: '02:00:00:00:00:0b' },
      });
      const near = await link(under, ns, 'va');
      const end = await link(under, far, 'vb');
      assert.deepEqual([near?.kind, near?.mac, near?.mtu, near?.up], ['veth', '02:00:00:00:00:0a', 1450, false]);
      assert.deepEqual([end?.kind, end?.mac, end?.mtu], ['veth', '02:00:00:00:00:0b', 1450]);
      assert.match(
        await refused(under, ns, { do: 'add-link', link: { kind: 'veth', name: 'vc', peer: 'vb', peerNetns: far } }),
        /File exists/,
      );
      assert.equal(await link(under, ns, 'vc'), undefined);
      await apply(under, far, { do: 'del-link', name: 'vb' });
      assert.equal(await link(under, ns, 'va'), undefined);
    });
  });

  check('a link is renamed, and takes an alias with blanks and quotes', async (under, ns) => {
    await apply(under, ns, veth('va', 'vb'), {
      do: 'set-link',
      name: 'va',
      rename: 'vz',
      alias: 'weft "a b"',
      mac: '02:00:00:00:00:77',
      mtu: 1400,
    });
    assert.equal(await link(under, ns, 'va'), undefined);
    const vz = await link(under, ns, 'vz');
    assert.deepEqual([vz?.alias, vz?.mac, vz?.mtu], ['weft "a b"', '02:00:00:00:00:77', 1400]);
    assert.match(await refused(under, ns, { do: 'set-link', name: 'vz', rename: 'vb' }), /File exists/);
    assert.match(await refused(under, ns, { do: 'set-link', name: 'vz', mac: '01:00:00:00:00:77' }), /./);
  });
}

function moves(check: LinksCheck): void {
  check('a link moves between namespaces, and loses what belongs to the one that it leaves', async (under, ns) => {
    const name = `mv${Math.floor(Math.random() * 1e6)}`;
    await apply(under, ns, bridge('br0'), veth(name, 'vb'), { do: 'set-link', name, master: 'br0', up: true, alias: 'mine' });
    await apply(under, ns, { do: 'add-address', dev: name, cidr: '10.0.0.1/24' });
    await apply(under, ns, { do: 'set-link', name, netns: '' });
    assert.equal(await link(under, ns, name), undefined);
    const moved = await link(under, '', name);
    assert.deepEqual([moved?.up, moved?.master, moved?.addresses, moved?.alias], [false, undefined, [], 'mine']);
    await apply(under, '', { do: 'set-link', name, netns: ns, up: true });
    assert.equal((await link(under, ns, name))?.up, true);
    await apply(under, ns, { do: 'del-link', name: 'vb' });
    assert.equal(await link(under, ns, name), undefined);
  });

  check('a move to nowhere, onto a taken name, or of a bridge is refused', async (under, ns) => {
    await apply(under, ns, bridge('br0'), veth('va', 'vb'));
    await inNamespace(under, async far => {
      await apply(under, far, bridge('va'));
      assert.match(await refused(under, ns, { do: 'set-link', name: 'va', netns: far }), /exists/);
      assert.match(await refused(under, ns, { do: 'set-link', name: 'br0', netns: far }), /Invalid argument|immutable/);
    });
    assert.match(await refused(under, ns, { do: 'set-link', name: 'va', netns: `${ns}-x` }), /netns/);
    assert.ok(await link(under, ns, 'va'));
  });
}

function bridges(check: LinksCheck): void {
  check('ports join a bridge, leave it, and are free when it goes', async (under, ns) => {
    await apply(under, ns, { do: 'add-link', link: { kind: 'bridge', name: 'br0', mtu: 1450, mac: '02:00:00:00:00:01', ageing: 300 } });
    await apply(
      under,
      ns,
      veth('va', 'vb'),
      { do: 'set-link', name: 'va', master: 'br0', up: true },
      { do: 'set-link', name: 'vb', master: 'br0' },
    );
    const br0 = await link(under, ns, 'br0');
    assert.deepEqual([br0?.kind, br0?.mac], ['bridge', '02:00:00:00:00:01']);
    assert.equal((await link(under, ns, 'va'))?.master, 'br0');
    await apply(under, ns, { do: 'set-link', name: 'vb', master: null });
    assert.equal((await link(under, ns, 'vb'))?.master, undefined);
    await apply(under, ns, { do: 'del-link', name: 'br0' });
    assert.equal((await link(under, ns, 'va'))?.master, undefined);
    assert.match(await refused(under, ns, { do: 'set-link', name: 'va', master: 'br0' }), /br0|find/);
    assert.match(await refused(under, ns, { do: 'set-link', name: 'va', master: 'vb' }), /./);
  });

  check('a port of a bridge takes flags, any other link refuses them', async (under, ns) => {
    await apply(under, ns, bridge('br0'), veth('va', 'vb'), { do: 'set-link', name: 'va', master: 'br0' });
    await apply(under, ns, { do: 'set-bridge-port', name: 'va', hairpin: true, learning: false, flood: false, isolated: true });
    assert.notEqual(await refused(under, ns, { do: 'set-bridge-port', name: 'vb', hairpin: true }), '');
  });
}

function addresses(check: LinksCheck): void {
  const cidrs = async (under: HostUnderTest, ns: Netns, dev: string): Promise<string[]> =>
    ((await link(under, ns, dev))?.addresses ?? []).map(a => a.cidr).filter(c => !c.startsWith('fe80:'));

  check('addresses of both families come, come again, and go once', async (under, ns) => {
    await apply(under, ns, bridge('br0'), up('br0'));
    for (let i = 0; i < 2; i++) {
      await apply(
        under,
        ns,
        { do: 'add-address', dev: 'br0', cidr: '10.0.0.1/24' },
        { do: 'add-address', dev: 'br0', cidr: 'FD00:0:0::1/64', nodad: true },
        { do: 'add-address', dev: 'br0', cidr: '169.254.169.254/32' },
      );
    }
    assert.deepEqual((await cidrs(under, ns, 'br0')).sort(), ['10.0.0.1/24', '169.254.169.254/32', 'fd00::1/64']);
    await apply(under, ns, { do: 'del-address', dev: 'br0', cidr: 'fd00::1/64' }, { do: 'del-address', dev: 'br0', cidr: '10.0.0.1/24' });
    assert.deepEqual(await cidrs(under, ns, 'br0'), ['169.254.169.254/32']);
    assert.match(await refused(under, ns, { do: 'del-address', dev: 'br0', cidr: '10.0.0.1/24' }), /not found|Cannot assign/);
    assert.match(await refused(under, ns, { do: 'del-address', dev: 'nosuch', cidr: '10.0.0.1/24' }), /Cannot find device/);
  });

  check('the first address of a subnet takes the others of that subnet with it', async (under, ns) => {
    await under.host.files.sysctl(ns, 'net.ipv4.conf.all.promote_secondaries', '0');
    await apply(under, ns, bridge('br0'), up('br0'));
    await under.host.files.sysctl(ns, 'net.ipv4.conf.br0.promote_secondaries', '0');
    await apply(
      under,
      ns,
      ...['10.0.0.1/24', '10.0.0.2/24', '10.0.0.3/32'].map((cidr): LinkChange => ({ do: 'add-address', dev: 'br0', cidr })),
      { do: 'del-address', dev: 'br0', cidr: '10.0.0.1/24' },
    );
    assert.deepEqual(await cidrs(under, ns, 'br0'), ['10.0.0.3/32']);
  });

  check('IPv6 addresses go with the link that goes down, IPv4 ones stay', async (under, ns) => {
    await apply(
      under,
      ns,
      bridge('br0'),
      up('br0'),
      { do: 'add-address', dev: 'br0', cidr: '10.0.0.1/24' },
      { do: 'add-address', dev: 'br0', cidr: 'fd00::1/64', nodad: true },
      { do: 'set-link', name: 'br0', up: false },
    );
    assert.deepEqual(await cidrs(under, ns, 'br0'), ['10.0.0.1/24']);
  });

  check('a link with a carrier gets an IPv6 link-local address, unless IPv6 is off', async (under, ns) => {
    const local = async (dev: string): Promise<string | undefined> =>
      (await link(under, ns, dev))?.addresses.find(a => a.cidr.startsWith('fe80:'))?.cidr;
    await apply(under, ns, veth('va', 'vb'), { do: 'set-link', name: 'va', mac: '02:00:00:00:00:01' });
    assert.equal(await under.host.files.sysctl(ns, 'net.ipv6.conf.vb.disable_ipv6', '1'), true);
    await apply(under, ns, up('va'));
    assert.equal(await local('va'), undefined);
    await apply(under, ns, up('vb'));
    await until(async () => (await local('va')) === 'fe80::ff:fe00:1/64', 'link-local address of va');
    assert.equal(await local('vb'), undefined);
    assert.match(await refused(under, ns, { do: 'add-address', dev: 'vb', cidr: 'fd00::1/64' }), /./);
  });
}
