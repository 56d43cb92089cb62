// What every door to ipsets, nftables and connection tracking must do.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Flow, type FlowFilter, HostRefusal } from './firewall.ts';
import type { Netns } from './netns.ts';
import { type HostUnderTest, inNamespace, type OpenHost } from './under-test.ts';

type Check = (what: string, body: (under: HostUnderTest, ns: Netns) => Promise<void>) => void;

export function packetSetsContract(name: string, open: OpenHost): void {
  const checks =
    (door: string): Check =>
    (what, body) => {
      test(`${door} ${name}: ${what}`, { timeout: 30_000 }, async () => {
        await using under = await open();
        await inNamespace(under, ns => body(under, ns));
      });
    };
  ipsets(checks('ipsets'));
  nft(checks('nft'));
  conntrack(checks('conntrack'));
}

async function refusal(promise: Promise<unknown>): Promise<HostRefusal> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.ok(error instanceof HostRefusal, `not a refusal: ${error}`);
  return error;
}

function ipsets(check: Check): void {
  check('sets are made, filled in canonical form, emptied, swapped and destroyed', async ({ host: { ipsets: door } }, ns) => {
    const text = [
      'create n4 hash:net family inet maxelem 1000',
      'add n4 10.0.0.5/24',
      'add n4 10.1.1.1/32',
      'add n4 10.1.1.1',
      'create n6 hash:net family inet6',
      'add n6 2001:DB8::1/64',
      'add n6 fd00:0:0::9',
      'create i4 hash:ip',
      'add i4 192.0.2.1',
    ];
    for (let i = 0; i < 2; i++) await door.restore(ns, `${text.join('\n')}\n`);
    const sets = await door.list(ns);
    assert.deepEqual([...sets.keys()].sort(), ['i4', 'n4', 'n6']);
    assert.deepEqual([sets.get('n4')?.type, sets.get('n4')?.family, sets.get('n6')?.family], ['hash:net', 4, 6]);
    assert.deepEqual([...(sets.get('n4')?.members ?? [])].sort(), ['10.0.0.0/24', '10.1.1.1']);
    assert.deepEqual([...(sets.get('n6')?.members ?? [])].sort(), ['2001:db8::/64', 'fd00::9']);
    await door.restore(
      ns,
      'create t4 hash:net family inet maxelem 1000\nadd t4 10.9.0.0/16\nswap t4 n4\ndestroy t4\ndel i4 192.0.2.1\ndel i4 192.0.2.9\ndestroy nosuch\n',
    );
    const after = await door.list(ns);
    assert.deepEqual([after.get('n4')?.members, after.get('i4')?.members, after.has('t4')], [['10.9.0.0/16'], [], false]);
    assert.equal([...(await door.list('')).keys()].includes('n4'), false, 'another namespace sees nothing of it');
  });

  check('what a type cannot hold is refused, with its line', async ({ host: { ipsets: door } }, ns) => {
    await door.restore(ns, 'create n4 hash:net family inet\ncreate n6 hash:net family inet6\ncreate i6 hash:ip family inet6\n');
    const bad = [
      'add n4 0.0.0.0/0',
      'add n6 ::/0',
      'add n4 fd00::1',
      'add n6 10.0.0.1',
      'add i6 fd00::/64',
      'add n4 junk',
      'add nosuch 10.0.0.1',
      'create n4 hash:ip',
      'create x hash:nosuch',
      'swap n4 n6',
      'add n4 10.0.0.1 comment "x"',
    ];
    await refusal(door.restore(ns, 'junk n4\n'));
    for (const line of bad) {
      const words = await refusal(door.restore(ns, `flush n6\n${line}\n`));
      assert.equal(words.line, 2, `${line}: ${words.message}`);
    }
    const sets = await door.list(ns);
    assert.deepEqual(
      [...sets].map(([name, s]) => [name, s.members.length]),
      [
        ['n4', 0],
        ['n6', 0],
        ['i6', 0],
      ],
    );
  });

  check('a bad line takes only the additions to its own set that stand right before it', async ({ host: { ipsets: door } }, ns) => {
    await door.restore(ns, 'create a hash:net\ncreate b hash:net\n');
    await refusal(door.restore(ns, 'add a 10.0.0.1\nadd b 10.0.0.1\nadd b junk\nadd b 10.0.0.3\n'));
    const sets = await door.list(ns);
    assert.deepEqual([sets.get('a')?.members, sets.get('b')?.members], [['10.0.0.1'], []]);
  });
}

/** The elements of a set in the print of its table, sorted; nft wraps them as it likes. */
function elements(listing: string, set: string): string[] {
  const body = new RegExp(`\\t(?:set|map) ${set} \\{\\n(?:[^}]*?)elements = \\{([^}]*)\\}`).exec(listing)?.[1] ?? '';
  const found = body.split(',').map(e => e.trim());
  return found.filter(e => e !== '').sort();
}

function nft(check: Check): void {
  const script = (...lines: string[]): string => `${lines.join('\n')}\n`;
  const make = script(
    'table bridge weft {',
    '  set taps { type ifname; elements = { tap1, "tap2" } }',
    '  set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }',
    '  map to { type ifname : verdict; elements = { "tap1" : jump one } }',
    '  set held { type ifname . ipv4_addr . inet_service; flags timeout; size 100; elements = { "tap1" . 10.0.0.1 . 80 timeout 1d comment "since 5" } }',
    '  chain one {',
    '    ip saddr 10.0.0.1 drop',
    '    icmpv6 type { 133, 135 } @th,64,128 0xfd000000000000000000000000000001 drop',
    '    accept # the rest',
    '  }',
    '  chain gate { type filter hook forward priority -200; policy accept; iifname vmap @to; iifname @taps counter drop; }',
    '}',
  );

  check('a table is made whole, and listed with its chains and sets', async ({ host: { nft: door } }, ns) => {
    assert.equal(await door.listTable(ns, 'bridge', 'weft'), undefined);
    await door.apply(ns, make);
    const text = (await door.listTable(ns, 'bridge', 'weft')) ?? '';
    for (const line of [
      'table bridge weft {',
      '\tset taps {',
      '\t\ttype ifname',
      '\tmap to {',
      '\tchain one {',
      '\tchain gate {',
      '\t\tip saddr 10.0.0.1 drop',
      '\t\tflags interval',
    ])
      assert.ok(text.split('\n').includes(line), `no line ${line} in\n${text}`);
    assert.deepEqual(elements(text, 'taps'), ['"tap1"', '"tap2"']);
    assert.deepEqual(elements(text, 'nets'), ['10.0.0.0/8', '192.0.2.1']);
    assert.deepEqual(elements(text, 'to'), ['"tap1" : jump one']);
    assert.match(elements(text, 'held')[0] ?? '', /^"tap1" \. 10\.0\.0\.1 \. 80 timeout 1d expires \S+ comment "since 5"$/);
    assert.match(text, /type filter hook forward priority filter; policy accept;/);
    assert.match(text, /iifname @taps counter packets 0 bytes 0 drop/);
    assert.equal(await door.listTable(ns, 'ip', 'weft'), undefined);
    await door.apply(ns, 'delete table bridge weft\n');
    assert.equal(await door.listTable(ns, 'bridge', 'weft'), undefined);
    await refusal(door.listTable(ns, 'ip', 'a b; flush ruleset'));
  });

  check('a table is replaced in one transaction, elements come and go alone', async ({ host: { nft: door } }, ns) => {
    const replace = script('table bridge weft', 'delete table bridge weft', make);
    await door.apply(ns, replace);
    await door.apply(ns, replace);
    await door.apply(
      ns,
      script(
        'add chain bridge weft two',
        'add rule bridge weft two ip6 saddr fd00::1 drop',
        'add element bridge weft to { "tap2" : goto two }',
        'add element bridge weft nets { 11.0.0.0/8 }',
        'delete element bridge weft taps { "tap1" }',
        'flush chain bridge weft one',
        'insert rule bridge weft one ether type arp accept',
      ),
    );
    const text = (await door.listTable(ns, 'bridge', 'weft')) ?? '';
    assert.deepEqual(elements(text, 'to'), ['"tap1" : jump one', '"tap2" : goto two']);
    assert.deepEqual(elements(text, 'nets'), ['10.0.0.0/8', '11.0.0.0/8', '192.0.2.1']);
    assert.deepEqual(elements(text, 'taps'), ['"tap2"']);
    assert.match(text, /ip6 saddr fd00::1 drop/);
    assert.ok(!text.includes('ip saddr 10.0.0.1 drop'));
    await door.apply(ns, script('delete element bridge weft to { "tap2" }', 'flush set bridge weft taps', 'delete chain bridge weft two'));
    const then = (await door.listTable(ns, 'bridge', 'weft')) ?? '';
    assert.ok(!/chain two|"tap2"/.test(then));
  });

  check('a script with one bad statement changes nothing', async ({ host: { nft: door } }, ns) => {
    await door.apply(ns, make);
    const listed = async (): Promise<string | undefined> => (await door.listTable(ns, 'bridge', 'weft'))?.replace(/expires \S+/, 'expires');
    const before = await listed();
    const bad = [
      'add rule bridge weft one jump nosuch',
      'add rule bridge weft one iifname @nosuch drop',
      'add rule bridge weft nosuch drop',
      'add element bridge weft nosuch { "tap3" }',
      'delete element bridge weft taps { "tap9" }',
      'delete table bridge nosuch',
      'delete chain bridge weft one',
      'delete set bridge weft taps',
      'add element bridge weft to { "tap1" : drop }',
      'add element bridge weft nets { 10.1.0.0/16 }',
      'add element bridge weft nets { fd00::1 }',
      'table bridge weft { chain x { drop } }',
      'table bridge weft { chain x {',
      'table bridge weft { set taps { type ipv4_addr; } }',
      'create table bridge weft',
      'junk',
    ];
    for (const statement of bad) {
      await refusal(door.apply(ns, script('add element bridge weft taps { "tap8" }', statement)));
      assert.equal(await listed(), before, statement);
    }
    const words = await refusal(door.apply(ns, script('add table ip x', '', 'add rule ip x nosuch drop')));
    assert.equal(words.line, 3);
    await refusal(door.apply(`${ns}-x`, make));
  });
}

function conntrack(check: Check): void {
  const tcp = { family: 4, protocol: 'tcp', src: '10.0.0.1', dst: '10.0.0.2', srcPort: 1000, dstPort: 80 } as const;
  const flows: readonly Flow[] = [
    { ...tcp, zone: 5 },
    { ...tcp, zone: 6 },
    { ...tcp, zone: 5, srcPort: 1001 },
    { ...tcp, zone: 5, dst: '10.0.0.3' },
    { ...tcp, protocol: 'udp', replyDst: '10.0.0.9' },
    { family: 4, protocol: 'icmp', src: '10.0.0.1', dst: '10.0.0.2', icmpType: 8, icmpCode: 0, zone: 5 },
    { ...tcp, family: 6, src: 'fd00::1', dst: 'fd00::2', zone: 5 },
    { family: 6, protocol: 'icmpv6', src: 'fd00::1', dst: 'fd00::2', icmpType: 128, icmpCode: 0, zone: 5 },
  ];

  check('flows are listed by family and zone, in their original direction', async (under, ns) => {
    for (const f of flows) await under.track(ns, f);
    const { conntrack: door } = under.host;
    assert.equal((await door.list(ns, 4)).length, 6);
    assert.equal((await door.list(ns, 6)).length, 2);
    const [only, ...more] = await door.list(ns, 4, 6);
    assert.equal(more.length, 0);
    assert.deepEqual(
      [only?.protocol, only?.src, only?.dst, only?.srcPort, only?.dstPort, only?.zone],
      ['tcp', '10.0.0.1', '10.0.0.2', 1000, 80, 6],
    );
    const udp = (await door.list(ns, 4)).find(f => f.protocol === 'udp');
    assert.equal(udp?.zone ?? 0, 0);
    const ping = (await door.list(ns, 6, 5)).find(f => f.protocol === 'icmpv6');
    assert.deepEqual([ping?.icmpType, ping?.icmpCode], [128, 0]);
  });

  check('a filter deletes what it matches and nothing else', async (under, ns) => {
    const { conntrack: door } = under.host;
    const cases: readonly (readonly [filters: FlowFilter[], deleted: number])[] = [
      [[{ family: 4 }], 6],
      [[{ family: 6 }], 2],
      [[{ family: 4, zone: 5 }], 4],
      [[{ family: 4, zone: 7 }], 0],
      [[{ family: 4, zone: 5, protocol: 'tcp' }], 3],
      [[{ family: 4, zone: 5, protocol: '6', srcPort: 1001 }], 1],
      [[{ family: 4, protocol: 'tcp', dst: '10.0.0.3', dstPort: 80 }], 1],
      [[{ family: 4, src: '10.0.0.2' }], 0],
      [[{ family: 4, replySrc: '10.0.0.3' }], 1],
      [[{ family: 4, replyDst: '10.0.0.9' }], 1],
      [[{ family: 4, protocol: 'udp', replyDst: '10.0.0.1' }], 0],
      [[{ family: 4, zone: 5, protocol: 'icmp' }], 1],
      [[{ family: 6, zone: 5, protocol: 'ipv6-icmp' }], 1],
      [[{ family: 6, zone: 5, src: 'FD00:0::1' }], 2],
      [
        [
          { family: 4, zone: 6 },
          { family: 4, zone: 9 },
          { family: 6, protocol: 'tcp' },
        ],
        2,
      ],
      [[], 0],
    ];
    for (const [filters, deleted] of cases) {
      await door.flush(ns, [{ family: 4 }, { family: 6 }]);
      for (const f of flows) await under.track(ns, f);
      assert.equal(await door.flush(ns, filters), deleted, JSON.stringify(filters));
      assert.equal((await door.list(ns, 4)).length + (await door.list(ns, 6)).length, flows.length - deleted);
    }
  });

  check('many filters are two processes at most; a bad word is refused', async (under, ns) => {
    const { conntrack: door } = under.host;
    for (const f of flows) await under.track(ns, f);
    const zones = Array.from({ length: 200 }, (_, i) => ({ family: 4, zone: i + 1 }) as const);
    const before = under.spawned?.() ?? 0;
    assert.equal(await door.flush(ns, zones), 5);
    assert.equal(await door.flush(ns, zones), 0);
    if (under.spawned) assert.equal(under.spawned() - before, 3);
    await refusal(door.flush(ns, [{ family: 4, dstPort: 80 }]));
    await refusal(door.flush(ns, [{ family: 4, src: '10.0.0.1 -D' }]));
    await refusal(door.flush(ns, [{ family: 4, protocol: 'tcp\n-F' }]));
    await refusal(door.flush(ns, [{ family: 4, zone: 65_536 }]));
  });
}
