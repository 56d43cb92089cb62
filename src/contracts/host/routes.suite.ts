// What every door to links must do: routes, VXLAN forwarding entries, neighbours, and news of links.
import assert from 'node:assert/strict';
import { apply, bridge, type LinksCheck, link, linksCheck, refused, up, veth } from './links.suite.ts';
import type { LinkChange, LinkEvent, Route } from './links.ts';
import type { Netns } from './netns.ts';
import { type HostUnderTest, inNamespace, type OpenHost, until } from './under-test.ts';

export function routesContract(name: string, open: OpenHost): void {
  const check = linksCheck(name, open);
  routes(check);
  vxlans(check);
  neighbours(check);
  news(check);
  announcements(check);
}

async function withAddresses(under: HostUnderTest, ns: Netns): Promise<void> {
  await apply(
    under,
    ns,
    veth('va', 'vb'),
    up('vb'),
    up('va'),
    { do: 'add-address', dev: 'va', cidr: '10.0.0.1/24' },
    { do: 'add-address', dev: 'va', cidr: 'fd00::1/64', nodad: true },
  );
}

const set = (route: Route): LinkChange => ({ do: 'replace-route', route });
const del = (route: Route): LinkChange => ({ do: 'del-route', route });

async function find(under: HostUnderTest, ns: Netns, family: 4 | 6, dst: string, table: number | 'main' = 'main'): Promise<Route[]> {
  return (await under.host.links.routes(ns, family)).filter(r => r.dst === dst && r.table === table);
}

function routes(check: LinksCheck): void {
  check('a default route is set, replaced and deleted, for both families', async (under, ns) => {
    await withAddresses(under, ns);
    for (const [family, one, two] of [
      [4, '10.0.0.254', '10.0.0.253'],
      [6, 'fd00::fe', 'fd00::fd'],
    ] as const) {
      await apply(under, ns, set({ dst: 'default', via: one, family }));
      assert.deepEqual(
        (await find(under, ns, family, 'default')).map(r => [r.via, r.dev, r.proto]),
        [[one, 'va', 'boot']],
      );
      await apply(under, ns, set({ dst: 'default', via: two, dev: 'va', family }));
      assert.deepEqual(
        (await find(under, ns, family, 'default')).map(r => r.via),
        [two],
      );
      await apply(under, ns, del({ dst: 'default', family }));
      assert.deepEqual(await find(under, ns, family, 'default'), []);
      assert.match(await refused(under, ns, del({ dst: 'default', family })), /No such/);
    }
  });

  check('addresses bring their own routes, and take them along', async (under, ns) => {
    await withAddresses(under, ns);
    const [v4] = await find(under, ns, 4, '10.0.0.0/24');
    assert.deepEqual([v4?.dev, v4?.proto, v4?.scope, v4?.src], ['va', 'kernel', 'link', '10.0.0.1']);
    const [v6] = await find(under, ns, 6, 'fd00::/64');
    assert.deepEqual([v6?.dev, v6?.proto], ['va', 'kernel']);
    await apply(under, ns, { do: 'add-address', dev: 'va', cidr: '10.5.0.1/24', noprefixroute: true });
    assert.deepEqual(await find(under, ns, 4, '10.5.0.0/24'), []);
    await apply(under, ns, { do: 'del-address', dev: 'va', cidr: '10.0.0.1/24' });
    assert.deepEqual(await find(under, ns, 4, '10.0.0.0/24'), []);
    await apply(under, ns, { do: 'set-link', name: 'va', up: false });
    assert.deepEqual(await find(under, ns, 6, 'fd00::/64'), []);
  });

  check('routes have tables, metrics, protocols and scopes', async (under, ns) => {
    await withAddresses(under, ns);
    await apply(
      under,
      ns,
      set({ dst: '10.1.0.0/16', via: '10.0.0.9', table: 77, family: 4, proto: 'static' }),
      set({ dst: '10.1.0.0/16', via: '10.0.0.8', family: 4 }),
      set({ dst: '10.1.0.0/16', via: '10.0.0.7', metric: 50, family: 4 }),
      set({ dst: '192.0.2.1/32', dev: 'va', scope: 'link', family: 4 }),
      set({ dst: '10.2.0.0/16', via: '192.0.2.1', family: 4 }),
      set({ dst: '10.3.0.0/16', via: '198.51.100.1', dev: 'va', onlink: true, family: 4 }),
      set({ dst: 'fd01::/64', via: 'fd00::9', metric: 50, family: 6 }),
      set({ dst: '10.4.0.0/16', dev: 'va', src: '10.0.0.1', family: 4 }),
    );
    assert.deepEqual(
      (await find(under, ns, 4, '10.1.0.0/16', 77)).map(r => [r.via, r.proto]),
      [['10.0.0.9', 'static']],
    );
    assert.deepEqual((await find(under, ns, 4, '10.1.0.0/16')).map(r => `${r.via} ${r.metric ?? 0}`).sort(), ['10.0.0.7 50', '10.0.0.8 0']);
    assert.equal((await find(under, ns, 4, '192.0.2.1/32'))[0]?.scope, 'link');
    assert.equal((await find(under, ns, 4, '10.3.0.0/16'))[0]?.onlink, true);
    assert.equal((await find(under, ns, 6, 'fd01::/64'))[0]?.metric, 50);
    assert.equal((await find(under, ns, 4, '10.4.0.0/16'))[0]?.src, '10.0.0.1');
    await apply(under, ns, del({ dst: '10.1.0.0/16', metric: 50, family: 4 }));
    assert.equal((await find(under, ns, 4, '10.1.0.0/16')).length, 1);
    await apply(under, ns, del({ dst: '10.1.0.0/16', via: '10.0.0.9', table: 77, family: 4 }));
    assert.deepEqual(await find(under, ns, 4, '10.1.0.0/16', 77), []);
  });

  check('a gateway out of reach, a device that is down or unknown, and host bits are refused', async (under, ns) => {
    await withAddresses(under, ns);
    await apply(under, ns, bridge('br0'));
    for (const route of [
      { dst: 'default', via: '192.0.2.1', family: 4 },
      { dst: 'default', via: 'fd02::1', family: 6 },
      { dst: '10.9.0.0/16', dev: 'br0', family: 4 },
      { dst: '10.9.0.0/16', dev: 'nosuch', family: 4 },
      { dst: '10.9.0.1/16', dev: 'va', family: 4 },
      { dst: '10.9.0.0/16', dev: 'va', src: '10.0.0.77', family: 4 },
    ] satisfies Route[])
      assert.notEqual(await refused(under, ns, set(route)), '', JSON.stringify(route));
  });

  check('a link-local gateway needs no route to it, but its device', async (under, ns) => {
    await apply(under, ns, bridge('br0'), up('br0'), set({ dst: 'default', via: 'fe80::1', dev: 'br0', family: 6 }));
    assert.deepEqual(
      (await find(under, ns, 6, 'default')).map(r => [r.via, r.dev]),
      [['fe80::1', 'br0']],
    );
    assert.notEqual(await refused(under, ns, set({ dst: 'fd05::/64', via: 'fe80::1', family: 6 })), '');
  });

  check('routes go with the link, and with the last address of their family', async (under, ns) => {
    await withAddresses(under, ns);
    await apply(under, ns, set({ dst: 'default', via: '10.0.0.254', family: 4 }), { do: 'del-address', dev: 'va', cidr: '10.0.0.1/24' });
    assert.deepEqual(await find(under, ns, 4, 'default'), []);
    await apply(under, ns, set({ dst: 'default', via: 'fd00::fe', family: 6 }), { do: 'del-link', name: 'va' });
    assert.deepEqual(await find(under, ns, 6, 'default'), []);
  });
}

function vxlans(check: LinksCheck): void {
  const vxlan = (name: string, id: number): LinkChange => ({
    do: 'add-link',
    link: { kind: 'vxlan', name, id, local: '10.0.0.1', dev: 'va', port: 8472, learning: false, proxy: true },
  });

  check('a VXLAN link says what it was made with', async (under, ns) => {
    await withAddresses(under, ns);
    await apply(under, ns, vxlan('vxlan-5', 5), {
      do: 'add-link',
      link: {
        kind: 'vxlan',
        name: 'vxlan-6',
        id: 6,
        group: '224.0.0.1',
        dev: 'va',
        port: 8472,
        ttl: 5,
        tos: 0xb8,
        sourcePorts: [40_000, 40_999],
        learning: true,
        proxy: false,
        mtu: 1400,
      },
    });
    const one = await link(under, ns, 'vxlan-5');
    assert.deepEqual(one?.vxlan, { id: 5, local: '10.0.0.1', dev: 'va', port: 8472, learning: false, proxy: true });
    assert.equal(one.mtu, 1450);
    const two = await link(under, ns, 'vxlan-6');
    const marked = { ttl: 5, tos: 0xb8, sourcePorts: [40_000, 40_999] };
    assert.deepEqual(two?.vxlan, { id: 6, group: '224.0.0.1', dev: 'va', port: 8472, learning: true, proxy: false, ...marked });
    assert.equal(two.mtu, 1400);
    assert.match(await refused(under, ns, vxlan('other', 5)), /exists/);
    const inherited = {
      kind: 'vxlan',
      name: 'vxlan-7',
      id: 7,
      dev: 'va',
      port: 8472,
      learning: true,
      proxy: false,
      tos: 'inherit',
    } as const;
    await apply(under, ns, { do: 'add-link', link: inherited });
    assert.equal((await link(under, ns, 'vxlan-7'))?.vxlan?.tos, 'inherit');
    const { local: _, ...apart } = {
      kind: 'vxlan',
      name: 'm',
      id: 8,
      local: '',
      group: '224.0.0.1',
      port: 8472,
      learning: true,
      proxy: false,
    } as const;
    assert.match(await refused(under, ns, { do: 'add-link', link: apart }), /./);
    await apply(under, ns, { do: 'del-link', name: 'va' });
    assert.equal(await link(under, ns, 'vxlan-5'), undefined);
  });

  check('flooding has many ends, a MAC has one, and each goes alone', async (under, ns) => {
    await withAddresses(under, ns);
    await apply(under, ns, vxlan('vx', 5));
    const ends = async (mac: string): Promise<(string | undefined)[]> =>
      (await under.host.links.fdb(ns))
        .filter(e => e.dev === 'vx' && e.mac === mac)
        .map(e => e.dst)
        .sort();
    const all = '00:00:00:00:00:00';
    const mac = '02:00:00:00:00:05';
    const entry = (what: 'add-fdb' | 'del-fdb', m: string, dst: string): LinkChange => ({ do: what, dev: 'vx', mac: m, dst });
    await apply(
      under,
      ns,
      ...['10.0.0.2', '10.0.0.3', '10.0.0.3'].map(dst => entry('add-fdb', all, dst)),
      ...['10.0.0.2', '10.0.0.3', '10.0.0.3'].map(dst => entry('add-fdb', mac, dst)),
    );
    assert.deepEqual(await ends(all), ['10.0.0.2', '10.0.0.3']);
    assert.deepEqual(await ends(mac), ['10.0.0.3']);
    await apply(under, ns, entry('del-fdb', all, '10.0.0.2'), entry('del-fdb', mac, '10.0.0.3'));
    assert.deepEqual(await ends(all), ['10.0.0.3']);
    assert.deepEqual(await ends(mac), []);
    assert.match(await refused(under, ns, entry('del-fdb', mac, '10.0.0.3')), /No such file or directory/);
    assert.match(await refused(under, ns, { do: 'add-fdb', dev: 'nosuch', mac, dst: '10.0.0.2' }), /Cannot find device/);
  });
}

function neighbours(check: LinksCheck): void {
  check('permanent neighbours of both families are replaced and deleted', async (under, ns) => {
    await withAddresses(under, ns);
    const one = '02:00:00:00:00:01';
    const two = '02:00:00:00:00:02';
    await apply(
      under,
      ns,
      { do: 'replace-neighbour', dev: 'va', ip: '10.0.0.9', mac: one },
      { do: 'replace-neighbour', dev: 'va', ip: '10.0.0.9', mac: two },
      { do: 'replace-neighbour', dev: 'va', ip: 'FD00::9', mac: one },
    );
    const found = (await under.host.links.neighbours(ns)).filter(n => n.permanent);
    assert.deepEqual(found.map(n => `${n.dev} ${n.ip} ${n.mac}`).sort(), [`va 10.0.0.9 ${two}`, `va fd00::9 ${one}`]);
    await apply(under, ns, { do: 'del-neighbour', dev: 'va', ip: '10.0.0.9' }, { do: 'del-neighbour', dev: 'va', ip: 'fd00::9' });
    await until(async () => !(await under.host.links.neighbours(ns)).some(n => n.permanent), 'neighbours gone');
    assert.match(await refused(under, ns, { do: 'del-neighbour', dev: 'va', ip: '10.0.0.77' }), /No such file or directory/);
  });
}

/** Hears all news of a namespace until disposed. */
function listen(under: HostUnderTest, ns: Netns): AsyncDisposable & { heard: string[]; gaps: () => number } {
  const heard: string[] = [];
  let gaps = 0;
  const watch = under.host.links.watch(
    ns,
    (e: LinkEvent) => heard.push(`${e.kind} ${e.name}`),
    () => {
      gaps++;
    },
  );
  return { heard, gaps: () => gaps, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() };
}

function news(check: LinksCheck): void {
  check('what comes, changes and goes is told, after one call to list what was there', async (under, ns) => {
    await apply(under, ns, bridge('old'));
    await using ears = listen(under, ns);
    await until(() => ears.gaps() === 1, 'first call to list');
    assert.equal(ears.heard.length, 0);
    await under.plug(ns, 'tap0');
    await until(() => ears.heard.includes('added tap0'), 'added tap0');
    await apply(under, ns, { do: 'set-link', name: 'tap0', master: 'old', up: true });
    await until(() => ears.heard.includes('changed tap0'), 'changed tap0');
    await apply(under, ns, { do: 'set-link', name: 'tap0', master: null });
    await apply(under, ns, { do: 'set-link', name: 'tap0', rename: 'tap1' });
    await until(() => ears.heard.includes('added tap1'), 'added tap1');
    assert.equal(ears.heard.filter(e => e === 'removed tap0').length, 1, 'removed once, by the new name: not by leaving the bridge');
    await under.unplug(ns, 'tap1');
    await until(() => ears.heard.includes('removed tap1'), 'removed tap1');
    assert.ok(!ears.heard.includes('added old'));
    assert.equal(ears.gaps(), 1);
  });

  check('nothing is told after the end, nor of another namespace', async (under, ns) => {
    const ears = listen(under, ns);
    await until(() => ears.gaps() === 1, 'first call to list');
    await inNamespace(under, async other => apply(under, other, bridge('far')));
    await apply(under, ns, bridge('near'));
    await until(() => ears.heard.includes('added near'), 'added near');
    await ears[Symbol.asyncDispose]();
    await apply(under, ns, bridge('late'));
    await new Promise(resolve => setTimeout(resolve, 50));
    assert.ok(!ears.heard.some(e => /far|late/.test(e)));
  });

  check('a source that dies comes back, and says that something may have been missed', async (under, ns) => {
    await using ears = listen(under, ns);
    await until(() => ears.gaps() === 1, 'first call to list');
    await under.killMonitors();
    await until(() => ears.gaps() === 2, 'second call to list');
    await apply(under, ns, bridge('br0'));
    await until(() => ears.heard.includes('added br0'), 'added br0');
  });

  check('a namespace that is watched before it is there is told of when it is', async (under, ns) => {
    const later = `${ns}-l`;
    await using ears = listen(under, later);
    await new Promise(resolve => setTimeout(resolve, 20));
    assert.equal(ears.gaps(), 0);
    await under.host.links.addNamespace(later);
    try {
      await until(() => ears.gaps() === 1, 'first call to list');
      await apply(under, later, bridge('br0'));
      await until(() => ears.heard.includes('added br0'), 'added br0');
    } finally {
      await under.host.links.delNamespace(later);
    }
  });

  check('a watched namespace can be deleted: its far ends go at once', async (under, ns) => {
    const inner = `${ns}-w`;
    await under.host.links.addNamespace(inner);
    await using ears = listen(under, inner);
    await until(() => ears.gaps() === 1, 'first call to list');
    await apply(under, ns, { do: 'add-link', link: { kind: 'veth', name: 'va', peer: 'vb', peerNetns: inner } });
    await under.host.links.delNamespace(inner);
    await until(async () => (await link(under, ns, 'va')) === undefined, 'va gone', 2000);
  });
}

function announcements(check: LinksCheck): void {
  check('an announcement never fails', async (under, ns) => {
    await withAddresses(under, ns);
    await under.host.links.announce(ns, 'va', '10.0.0.1');
    await under.host.links.announce(ns, 'va', 'fd00::1');
    await under.host.links.announce(ns, 'nosuch', '10.0.0.1');
    await under.host.links.announce(ns, 'nosuch', 'fd00::1');
    await under.host.links.announce(ns, 'a b', 'junk');
  });
}
