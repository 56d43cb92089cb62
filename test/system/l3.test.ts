// The L3 agent on a real kernel: routing, translation, floating IPs, advertisements, and restarts under traffic.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type PortOf, type RouterOf, uuid } from '../../src/agent/l3/fake-server.suite.ts';
import { tryRun } from '../../src/main/sandbox/run.ts';
import { holdOpen, seenAs, whoami } from './l3-traffic.ts';
import { L3World } from './l3-world.ts';
import { noSandbox } from './need.ts';
import { endWithoutLoss, type Place, startPackets, startTransfer, type Way } from './traffic.ts';

const R1 = uuid('rou', 1);
const R2 = uuid('rou', 2);
const NETNS = `qrouter-${R1}`;
const FIP = '203.0.113.55';
const FIP_A = '203.0.113.56';
const GATEWAY = '203.0.113.67';

const netA: PortOf = {
  id: uuid('ina', 1),
  network: uuid('net', 1),
  mac: 'fa:16:3e:00:00:01',
  mtu: 1400,
  ips: ['10.1.0.1/24', '2001:db8:1::1/64'],
  subnets: [
    { cidr: '10.1.0.0/24', gateway: '10.1.0.1' },
    { cidr: '2001:db8:1::/64', gateway: '2001:db8:1::1', ra: 'slaac', dns: ['2001:db8::53'] },
  ],
};
const netB: PortOf = {
  id: uuid('inb', 2),
  network: uuid('net', 2),
  mac: 'fa:16:3e:00:00:02',
  mtu: 1500,
  ips: ['10.2.0.1/24', '2001:db8:2::1/64'],
  subnets: [
    { cidr: '10.2.0.0/24', gateway: '10.2.0.1' },
    { cidr: '2001:db8:2::/64', gateway: '2001:db8:2::1', ra: 'dhcpv6-stateful' },
  ],
};
const gateway: PortOf = {
  id: uuid('ext', 1),
  network: uuid('pub', 1),
  mac: 'fa:16:3e:00:00:09',
  mtu: 1500,
  ips: [`${GATEWAY}/24`, '2001:db8:f::67/64'],
  subnets: [
    { cidr: '203.0.113.0/24', gateway: '203.0.113.1' },
    { cidr: '2001:db8:f::/64', gateway: '2001:db8:f::1' },
  ],
  extra: [{ cidr: '198.51.100.0/24', gateway: '198.51.100.1' }],
};
const router: RouterOf = { id: R1, interfaces: [netA, netB], gateway };
const fip = (fixed: string, floating = FIP, n = 1) => ({ id: uuid('fip', n), floating, fixed });

/** Two tenant networks, three instances, and the public side with a way back to the IPv6 networks. */
async function build(world: L3World): Promise<void> {
  for (const name of ['br-a', 'br-b', 'br-p']) await world.bridge(name);
  await world.instance({
    name: 'a1',
    bridge: 'br-a',
    mac: 'fa:16:3e:0a:00:01',
    addresses: ['10.1.0.11/24'],
    gateway: '10.1.0.1',
    slaac: true,
  });
  await world.instance({
    name: 'a2',
    bridge: 'br-a',
    mac: 'fa:16:3e:0a:00:02',
    addresses: ['10.1.0.12/24'],
    gateway: '10.1.0.1',
    slaac: true,
  });
  await world.instance({
    name: 'b1',
    bridge: 'br-b',
    mac: 'fa:16:3e:0b:00:01',
    addresses: ['10.2.0.22/24', '2001:db8:2::22/64'],
    gateway: '10.2.0.1',
    routes: ['::/0 via 2001:db8:2::1'],
  });
  await world.instance({
    name: 'pub',
    bridge: 'br-p',
    mac: 'fa:16:3e:0f:00:01',
    addresses: ['203.0.113.1/24', '198.51.100.9/24', '2001:db8:f::1/64'],
    routes: ['2001:db8:1::/64 via 2001:db8:f::67', '2001:db8:2::/64 via 2001:db8:f::67', '10.1.0.0/24 via 203.0.113.67'],
  });
}

async function plugAll(world: L3World): Promise<void> {
  await world.plug(netA.id, 'br-a');
  await world.plug(netB.id, 'br-b');
  await world.plug(gateway.id, 'br-p');
}

/** The server's new word, and the message about it. */
async function change(world: L3World, ...routers: readonly RouterOf[]): Promise<void> {
  const before = new Set(world.server.routers.keys());
  world.server.set(...routers);
  for (const id of new Set([...before, ...world.server.routers.keys()])) await world.server.updated(id);
}

const globalAddress = async (world: L3World, ns: string): Promise<string | undefined> =>
  /inet6 (2001:[0-9a-f:]+)\/64 .*scope global/.exec(await world.inside(ns, 'ip', '-6', 'addr', 'show', 'dev', 'eth0'))?.[1];

const pings = async (world: L3World, from: string, to: string, ...options: string[]): Promise<boolean> =>
  (await world.attempt(from, 'ping', '-c1', '-W1', ...options, to)).code === 0;

describe('L3 agent', { skip: noSandbox() }, () => {
  describe('one router between two networks and the public side', () => {
    let world: L3World;
    before(async () => {
      world = await L3World.open();
      await build(world);
      world.server.set(router);
      await world.start();
      await plugAll(world);
      await whoami(world, 'b1', 80);
      await whoami(world, 'a1', 80);
      await whoami(world, 'pub', 80);
    });
    after(async () => {
      await world[Symbol.asyncDispose]();
    });

    test('an instance gets its IPv6 address, route, resolver and MTU by router advertisement', async () => {
      const began = performance.now();
      await world.until('a1 has an address', async () => (await globalAddress(world, 'a1')) !== undefined);
      // Unasked, routers advertise themselves up to 16 s after they have begun.
      assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
      assert.match(await world.inside('a1', 'ip', '-6', 'route'), /default via fe80::f816:3eff:fe00:1 dev eth0 proto ra/);
      assert.equal((await world.inside('a1', 'cat', '/proc/sys/net/ipv6/conf/eth0/mtu')).trim(), '1400');
    });

    test('no stateless address where the subnet is for DHCPv6, but the managed flag', async () => {
      await world.inside('b1', 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=1');
      const sniff = world.spawn('b1', ['tcpdump', '-Z', 'root', '-lvni', 'eth0', 'icmp6 and ip6[40] == 134']);
      await world.until('tcpdump listens', async () => sniff.output().includes('listening'));
      // A link that comes up makes the kernel ask for an advertisement within a second, and again every four.
      await world.inside('b1', 'ip', 'link', 'set', 'eth0', 'down');
      await world.inside('b1', 'ip', 'link', 'set', 'eth0', 'up');
      await world.inside('b1', 'ip', 'addr', 'add', '2001:db8:2::22/64', 'dev', 'eth0', 'nodad');
      await world.inside('b1', 'ip', 'route', 'replace', 'default', 'via', '10.2.0.1');
      await world.until('an advertisement', async () => /Flags \[.*managed/.test(sniff.output()));
      sniff.child.kill();
      assert.doesNotMatch(await world.inside('b1', 'ip', '-6', 'addr', 'show', 'dev', 'eth0'), /dynamic/);
    });

    test('routed ping and TCP, both families; nothing is translated between internal networks', async () => {
      assert.equal(await pings(world, 'a1', '10.2.0.22'), true);
      assert.equal(await pings(world, 'a1', '2001:db8:2::22'), true);
      assert.equal(await seenAs(world, 'a1', '10.2.0.22', 80), '10.1.0.11');
      assert.equal(await seenAs(world, 'a1', '2001:db8:2::22', 80), await globalAddress(world, 'a1'));
    });

    test('outside sees the gateway address over IPv4 and the instance itself over IPv6', async () => {
      assert.equal(await seenAs(world, 'a1', '203.0.113.1', 80), GATEWAY);
      assert.equal(await seenAs(world, 'a1', '2001:db8:f::1', 80), await globalAddress(world, 'a1'));
      // The other subnet of the public network is on the link: no detour by its gateway.
      assert.match(await world.inside(NETNS, 'ip', 'route', 'get', '198.51.100.9'), /198\.51\.100\.9 dev qg-/);
      assert.equal(await seenAs(world, 'a1', '198.51.100.9', 80), GATEWAY);
    });

    test('devices have the MTU of their networks, and a packet that is too large is told so', async () => {
      const links = await world.inside(NETNS, 'ip', '-br', 'link');
      assert.match(links, /qr-.*fa:16:3e:00:00:01/);
      assert.match(await world.inside(NETNS, 'ip', 'link', 'show', `qr-${netA.id.slice(0, 11)}`), /mtu 1400/);
      const big = await world.attempt('pub', 'ping', '-c1', '-W1', '-M', 'do', '-s', '1400', '10.1.0.11');
      assert.match(big.stdout + big.stderr, /Frag needed|message too long.*1400/i);
      assert.equal(await pings(world, 'pub', '10.1.0.11', '-M', 'do', '-s', '1300'), true);
    });

    test('the metadata port is closed but to redirected requests', async () => {
      // No metadata agent here: what answers is haproxy, that it cannot reach one.
      const answer = await world.attempt('a1', 'sh', '-c', 'printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w3 169.254.169.254 80');
      assert.match(answer.stdout, /^HTTP\/1\.[01] 503/);
      const direct = await world.attempt('a1', 'nc', '-z', '-w1', '10.1.0.1', '9697');
      assert.notEqual(direct.code, 0);
      const outside = await world.attempt('pub', 'nc', '-z', '-w1', GATEWAY, '9697');
      assert.notEqual(outside.code, 0);
    });

    test('floating IP: in, out, from the same router, and back by another instance', async () => {
      await change(world, { ...router, floating: [fip('10.2.0.22'), fip('10.1.0.11', FIP_A, 2)] });
      await world.until('ACTIVE is reported', async () => world.server.statuses.at(-1)?.statuses[uuid('fip', 1)] === 'ACTIVE');
      assert.equal(await seenAs(world, 'pub', FIP, 80), '203.0.113.1');
      assert.equal(await pings(world, 'pub', FIP), true);
      assert.equal(await seenAs(world, 'b1', '203.0.113.1', 80), FIP);
      // Hairpin: by floating IP from behind the same router; who has one himself is seen by it.
      assert.equal(await seenAs(world, 'a2', FIP, 80), GATEWAY);
      assert.equal(await seenAs(world, 'a1', FIP, 80), FIP_A);
      assert.equal(await seenAs(world, 'a2', FIP_A, 80), GATEWAY);
      // Without one, the gateway's.
      assert.equal(await seenAs(world, 'a2', '203.0.113.1', 80), GATEWAY);
    });

    test('a floating IP that moves ends the connections to the old instance and leads to the new one', async () => {
      await change(world, { ...router, floating: [fip('10.2.0.22')] });
      await world.until('it leads to b1', async () => (await seenAs(world, 'pub', FIP, 80)) !== undefined);
      const held = holdOpen(world, 'pub', FIP, 80);
      await world.until('the connection carries data', async () => (held.output().match(/echo/g)?.length ?? 0) > 3);
      const out = holdOpen(world, 'b1', '203.0.113.1', 80);
      await world.until('the one from inside does', async () => (out.output().match(/echo/g)?.length ?? 0) > 3);
      await change(world, { ...router, floating: [fip('10.1.0.11')] });
      for (const job of [held, out]) {
        let count = 0;
        await world.until('the connection is dead', async () => {
          const now = job.output().match(/echo/g)?.length ?? 0;
          const dead = now === count || job.output().includes('broken');
          count = now;
          await new Promise(resolve => setTimeout(resolve, 500));
          return dead;
        });
        job.child.kill();
      }
      assert.equal(await seenAs(world, 'a1', '203.0.113.1', 80), FIP);
      assert.equal(await seenAs(world, 'b1', '203.0.113.1', 80), GATEWAY);
      await change(world, router);
      await world.until('DOWN is reported', async () => world.server.statuses.at(-1)?.statuses[uuid('fip', 1)] === 'DOWN');
      assert.equal(await seenAs(world, 'pub', FIP, 80), undefined);
    });

    test('port forwarding leads one port of an address to an instance, and no other port', async () => {
      const forwardings = [
        { id: uuid('pfw', 1), protocol: 'tcp', internal_ip_address: '10.2.0.22', internal_port: 80, external_port: 2280 },
      ];
      await change(world, { ...router, forwarding: [{ id: uuid('fip', 3), floating: FIP, forwardings }] });
      await world.until('ACTIVE is reported', async () => world.server.statuses.at(-1)?.statuses[uuid('fip', 3)] === 'ACTIVE');
      assert.equal(await seenAs(world, 'pub', FIP, 2280), '203.0.113.1');
      assert.equal(await seenAs(world, 'a1', FIP, 2280), GATEWAY);
      assert.equal(await seenAs(world, 'pub', FIP, 80), undefined);
    });

    test('FTP passes the translation where a conntrack helper follows it', async t => {
      const rule = ['iptables', '-t', 'raw', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '21', '-j', 'CT', '--helper', 'ftp'];
      if ((await world.attempt('b1', ...rule)).code !== 0) return t.skip('kernel: no FTP helper');
      await whoami(world, 'pub', 21);
      // The server sends back what reached it.
      const script = `
const socket = require('node:net').connect(21, '203.0.113.1');
let got = '';
socket.on('data', d => { got += d; if (got.includes('PORT')) { console.log(got); process.exit(0); } });
// The kernel looks at a line only where it knows that a line begins: behind another one.
socket.on('connect', () => socket.write('USER x\\r\\n'));
setTimeout(() => socket.write('PORT 10,1,0,11,195,80\\r\\n'), 400);
setTimeout(() => process.exit(1), 3000);
`;
      const announced = async (): Promise<string> => (await world.attempt('a1', process.execPath, '-e', script)).stdout;
      assert.match(await announced(), /PORT 10,1,0,11,/);
      await change(world, { ...router, more: { conntrack_helpers: [{ protocol: 'tcp', port: 21, helper: 'ftp' }] } });
      await world.until('what the instance announces is translated', async () => /PORT 203,0,113,67,/.test(await announced()));
      await change(world, router);
      await world.until('it is not any more', async () => /PORT 10,1,0,11,/.test(await announced()));
    });

    test('a helper that the kernel does not have is told of, and the router is as it was', async () => {
      await change(world, { ...router, more: { conntrack_helpers: [{ protocol: 'udp', port: 9, helper: 'no-such' }] } });
      await world.until('the agent says so', async () => world.log().includes('conntrack helpers'));
      assert.equal(await seenAs(world, 'a1', '203.0.113.1', 80), GATEWAY);
      await change(world, router);
    });

    test('an extra route leads through an instance, until it is taken away', async () => {
      await world.inside('b1', 'ip', 'addr', 'add', '192.0.2.1/32', 'dev', 'lo');
      assert.equal(await pings(world, 'a1', '192.0.2.1'), false);
      await change(world, { ...router, routes: [{ destination: '192.0.2.0/24', nexthop: '10.2.0.22' }] });
      await world.until('192.0.2.1 answers', () => pings(world, 'a1', '192.0.2.1'));
      await change(world, router);
      await world.until('192.0.2.1 answers no more', async () => !(await pings(world, 'a1', '192.0.2.1')));
    });

    test('without SNAT the instance is seen as itself, and reached without a floating IP', async () => {
      await change(world, { ...router, snat: false });
      await world.until('a1 is seen as itself', async () => (await seenAs(world, 'a1', '203.0.113.1', 80)) === '10.1.0.11');
      assert.equal(await seenAs(world, 'pub', '10.1.0.11', 80), '203.0.113.1');
      await change(world, router);
      await world.until('a1 is translated again', async () => (await seenAs(world, 'a1', '203.0.113.1', 80)) === GATEWAY);
    });

    test('networks of different address scopes do not reach each other; within the scope of outside nothing is translated', async () => {
      const scope = uuid('sco', 1);
      await change(world, { ...router, interfaces: [{ ...netA, scope }, netB], gateway: { ...gateway, scope } });
      await world.until('a1 is seen as itself', async () => (await seenAs(world, 'a1', '203.0.113.1', 80)) === '10.1.0.11');
      assert.equal(await pings(world, 'a1', '10.2.0.22'), false);
      assert.equal(await pings(world, 'a1', '10.1.0.1'), true);
      assert.equal(await seenAs(world, 'b1', '203.0.113.1', 80), GATEWAY);
      await change(world, router);
      await world.until('a1 reaches b1', () => pings(world, 'a1', '10.2.0.22'));
    });

    test('radvd that was killed comes back; a proxy too', async () => {
      const pid = async (kind: string): Promise<string> =>
        (await world.host('cat', `${world.folder}/state/external/pids/${R1}.pid.${kind}`)).trim();
      for (const kind of ['radvd', 'haproxy']) {
        const old = await pid(kind);
        await world.host('kill', '-9', old);
        await world.until(`${kind} is back`, async () => {
          const now = await pid(kind).catch(() => old);
          return now !== old && (await tryRun(world.sandbox.enter(['kill', '-0', now]))).code === 0;
        });
      }
    });

    test('an interface and the gateway that go leave no device; a router that goes leaves nothing', async () => {
      await change(world, { id: R1, interfaces: [netB] });
      await world.until('one device is left', async () => (await world.inside(NETNS, 'ip', '-br', 'link')).match(/q[rg]-/g)?.length === 1);
      assert.doesNotMatch(await world.host('ip', '-br', 'link'), new RegExp(`tap${netA.id.slice(0, 11)}`));
      world.server.set();
      await world.server.deleted(R1);
      await world.until('the namespace is gone', async () => !(await world.host('ip', 'netns', 'list')).includes(R1));
      assert.doesNotMatch(await world.host('ip', '-br', 'link'), /tap/);
      assert.doesNotMatch(await world.host('ps', '-e', '-o', 'args'), /radvd|haproxy -f/);
      assert.equal((await world.host('find', `${world.folder}/state`, '-name', `${R1}*`, '-not', '-name', '*.log')).trim(), '');
    });
  });

  test('an agent that is killed and started again under traffic loses nothing and touches nothing', async t => {
    await using world = await L3World.open();
    await build(world);
    world.server.set({ ...router, floating: [fip('10.2.0.22')] });
    await world.start();
    await plugAll(world);
    await world.until('the floating IP answers', () => pings(world, 'pub', FIP));
    await world.until('a1 has an address', async () => (await globalAddress(world, 'a1')) !== undefined);
    const picture = async (): Promise<string> =>
      [
        await world.inside(NETNS, 'ip', '-o', 'addr'),
        await world.inside(NETNS, 'ip', 'route'),
        await world.inside(NETNS, 'ip', '-6', 'route'),
        await world.inside(NETNS, 'iptables-save'),
        await world.inside(NETNS, 'ip6tables-save'),
        await world.host('ps', '-e', '-o', 'pid,args'),
      ]
        .join('\n')
        .replace(/^#.*$/gm, '')
        .replace(/ expires \d+sec| valid_lft.*$/gm, '')
        .replace(/^.*(ps -e|l3-agent-program|ip -o monitor|node|arping).*\n/gm, '');
    await world.until('announcements are over', async () => !(await world.host('ps', '-e', '-o', 'args')).includes('arping'));
    const before = await picture();
    const place =
      (ns: string): Place =>
      argv =>
        world.spawn(ns, argv);
    const way = (from: string, to: string, address: string, port: number): Way => ({
      name: `${from} → ${to} (${address})`,
      from: place(from),
      to: place(to),
      address,
      port,
    });
    const flows = await Promise.all([
      startPackets(way('pub', 'b1', FIP, 5001)),
      startPackets(way('a1', 'pub', '203.0.113.1', 5002)),
      startPackets(way('a1', 'b1', '2001:db8:2::22', 5003)),
      startTransfer(way('a1', 'b1', '10.2.0.22', 5004)),
      startTransfer(way('pub', 'b1', FIP, 5005)),
      startTransfer(way('a1', 'pub', '2001:db8:f::1', 5006)),
    ]);
    await new Promise(resolve => setTimeout(resolve, 1500));
    world.kill();
    await new Promise(resolve => setTimeout(resolve, 1500));
    assert.doesNotMatch(await world.host('ps', '-e', '-o', 'args'), /l3-agent-program/);
    await world.start();
    await endWithoutLoss(t, flows);
    assert.equal(await picture(), before);
  });

  test('what changed while the agent was away is made so at its start, and leftovers go then', async () => {
    await using world = await L3World.open();
    await build(world);
    world.server.set(router, {
      id: R2,
      interfaces: [{ ...netA, id: uuid('inc', 3), mac: 'fa:16:3e:00:00:33', ips: ['10.3.0.1/24'], subnets: [{ cidr: '10.3.0.0/24' }] }],
    });
    await world.start();
    await plugAll(world);
    world.kill();
    await world.host('ip', 'netns', 'add', `qrouter-${uuid('rou', 9)}`);
    world.server.set({ ...router, interfaces: [netA], floating: [fip('10.1.0.11')] });
    world.server.unwell = true;
    await world.host('ip', 'netns', 'exec', NETNS, 'ip', 'route', 'add', '192.0.2.0/24', 'via', '203.0.113.99');
    const starting = world.start();
    await new Promise(resolve => setTimeout(resolve, 1500));
    // The server has not said anything yet: nothing may be taken away.
    assert.equal((await world.host('ip', 'netns', 'list')).match(/qrouter/g)?.length, 3);
    assert.equal(await pings(world, 'a1', '10.2.0.22'), true);
    world.server.unwell = false;
    await starting;
    assert.equal((await world.host('ip', 'netns', 'list')).match(/qrouter/g)?.length, 1);
    await world.until('the floating IP answers', () => pings(world, 'pub', FIP));
    assert.doesNotMatch(await world.inside(NETNS, 'ip', '-br', 'link'), new RegExp(`qr-${netB.id.slice(0, 11)}`));
    assert.doesNotMatch(await world.inside(NETNS, 'ip', 'route'), /192\.0\.2/);
  });
});
