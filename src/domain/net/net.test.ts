import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import test from 'node:test';
import {
  broadcastOf,
  cidrContainsIp,
  cidrsOverlap,
  containsCidr,
  formatCidr,
  lastOf,
  netmaskOf,
  parseCidr,
  parseIpPrefix,
} from './cidr.ts';
import { canonicalIp, compareIp, ipText, parseIp, parseIpv4 } from './ip.ts';
import { eui64, formatMac, isMulticastMac, macValue, parseMac, randomMac } from './mac.ts';
import { inRange, mergeRanges, type Range, rangeToCidrs, subtract, totalSize } from './ranges.ts';
import { isLinkLocal, isMulticast } from './well-known.ts';

/** A small deterministic generator (mulberry32), so that a failure can be repeated. */
function generator(seed: number): (n: number) => number {
  let state = seed;
  return n => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  };
}

function randomValue(random: (n: number) => number, width: number): bigint {
  let value = 0n;
  for (let i = 0; i < width / 16; i++) value = (value << 16n) | BigInt(random(3) === 0 ? 0 : random(65536));
  return value;
}

test('IPv4 is taken in its canonical form only', () => {
  assert.equal(parseIpv4('10.0.0.255'), 0x0a0000ff);
  assert.equal(parseIpv4('255.255.255.255'), 0xffffffff);
  for (const bad of [
    '010.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    ' 1.2.3.4',
    '0x1.2.3.4',
    '1.2.3.4\n',
    '',
  ]) {
    assert.equal(parseIp(bad), undefined, bad);
  }
});

test('IPv6 texts', () => {
  assert.equal(canonicalIp('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  assert.equal(canonicalIp('::'), '::');
  assert.equal(canonicalIp('::ffff:1.2.3.4'), '::ffff:1.2.3.4');
  assert.equal(canonicalIp('1:0:0:2:0:0:0:3'), '1:0:0:2::3');
  assert.equal(canonicalIp('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
  for (const bad of [
    ':::',
    '1::2::3',
    '1:2:3:4::5:6:7:8',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '1.2.3.4::',
    '::1.2.3.04',
    ':1:2:3:4:5:6:7',
  ]) {
    assert.equal(parseIp(bad), undefined, bad);
  }
});

test('what is printed parses to the same number, and Node agrees about what is an address', () => {
  const random = generator(1);
  for (let i = 0; i < 2000; i++) {
    const version = random(2) === 0 ? 4 : 6;
    const value = randomValue(random, version === 4 ? 32 : 128);
    const text = ipText(version, value);
    assert.deepEqual(parseIp(text), { version, value }, text);
    assert.equal(isIP(text), version, text);
  }
  const alphabet = '0123459af:.:.:/';
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: random(12) + 1 }, () => alphabet[random(alphabet.length)]).join('');
    assert.equal(parseIp(text)?.version ?? 0, isIP(text), text);
  }
});

test('a huge hostile text is refused at once', () => {
  const started = process.cpuUsage();
  for (const text of [':'.repeat(1e6), '1.'.repeat(1e6), 'a'.repeat(1e6), `${'1'.repeat(1e6)}/8`]) {
    assert.equal(parseIp(text), undefined);
    assert.equal(parseCidr(text), undefined);
    assert.equal(parseMac(text), undefined);
  }
  assert.ok(process.cpuUsage(started).user < 500_000);
});

test('prefixes', () => {
  const net = parseCidr('10.0.0.5/24');
  assert.ok(net);
  assert.equal(formatCidr(net), '10.0.0.0/24');
  assert.equal(ipText(4, lastOf(net)), '10.0.0.255');
  assert.equal(ipText(4, broadcastOf(net) ?? 0n), '10.0.0.255');
  assert.equal(netmaskOf(net), '255.255.255.0');
  for (const bad of ['10.0.0.0/33', '10.0.0.0', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/08', '::/129', '10.0.0.0/8/8', '/8']) {
    assert.equal(parseCidr(bad), undefined, bad);
  }
  assert.deepEqual(
    [parseIpPrefix('10.1.2.3')?.prefix, parseIpPrefix('10.0.0.0/255.255.0.0')?.prefix, parseIpPrefix('::1')?.prefix],
    [32, 16, 128],
  );
  assert.equal(parseIpPrefix('10.0.0.0/255.0.255.0'), undefined);
  assert.equal(parseIpPrefix('0.0.0.0/0.0.0.0')?.prefix, 0);
  assert.equal(broadcastOf(parseCidr('10.0.0.0/31')!), undefined);
});

test('overlap is symmetric and means a shared address', () => {
  const random = generator(2);
  for (let i = 0; i < 2000; i++) {
    const a = parseCidr(`10.0.${random(4)}.${random(256)}/${16 + random(17)}`)!;
    const b = parseCidr(`10.0.${random(4)}.${random(256)}/${16 + random(17)}`)!;
    const shared = a.network <= lastOf(b) && b.network <= lastOf(a);
    assert.equal(cidrsOverlap(formatCidr(a), formatCidr(b)), shared);
    assert.equal(cidrsOverlap(formatCidr(b), formatCidr(a)), shared);
    if (containsCidr(a, b)) assert.ok(cidrContainsIp(formatCidr(a), ipText(4, lastOf(b))));
  }
  assert.equal(cidrsOverlap('0.0.0.0/0', '::/0'), false);
});

test('kinds of addresses', () => {
  assert.ok(isLinkLocal(parseIp('fe80::1')!) && isLinkLocal(parseIp('169.254.169.254')!) && !isLinkLocal(parseIp('10.0.0.1')!));
  assert.ok(isMulticast(parseIp('ff02::1')!) && isMulticast(parseIp('239.1.1.1')!) && !isMulticast(parseIp('192.0.2.1')!));
  assert.equal(compareIp(parseIp('255.255.255.255')!, parseIp('::')!), -1);
});

test('MAC spellings become one', () => {
  for (const text of ['FA:16:3E:00:0A:01', 'fa-16-3e-00-0a-01', 'fa16.3e00.0a01', 'fa163e000a01', 'fa:16:3e:0:a:1']) {
    assert.equal(parseMac(text), 'fa:16:3e:00:0a:01', text);
  }
  for (const bad of ['fa:16:3e:00:0a', 'fa:16:3e:00:0a:01:02', 'fa:16-3e:00:0a:01', 'g0:16:3e:00:0a:01', '', 'fa:16:3e:00:0a:011']) {
    assert.equal(parseMac(bad), undefined, bad);
  }
  assert.ok(isMulticastMac('01:00:5e:00:00:01') && !isMulticastMac('fa:16:3e:00:00:01'));
});

test('random MACs keep the base', () => {
  const random = generator(3);
  for (let i = 0; i < 200; i++) {
    assert.ok(randomMac('fa:16:3e:00:00:00', random).startsWith('fa:16:3e:'));
    assert.ok(randomMac('fa:16:3e:4f:00:00', random).startsWith('fa:16:3e:4f:'));
  }
  assert.equal(formatMac(macValue('00:00:00:00:00:0f')!), '00:00:00:00:00:0f');
});

test('EUI-64', () => {
  const at = (cidr: string, mac: string): string => ipText(6, eui64(parseCidr(cidr)!, mac)!);
  assert.equal(at('2001:db8::/64', 'fa:16:3e:12:34:56'), '2001:db8::f816:3eff:fe12:3456');
  assert.equal(at('fe80::/64', '00:00:00:00:00:01'), 'fe80::200:ff:fe00:1');
  assert.equal(eui64(parseCidr('2001:db8::/80')!, 'fa:16:3e:12:34:56'), undefined);
});

test('ranges: subtraction and merging agree with sets', () => {
  const random = generator(4);
  const some = (): Range => {
    const first = BigInt(random(60));
    return { first, last: first + BigInt(random(12)) };
  };
  for (let round = 0; round < 500; round++) {
    const range = some();
    const holes = Array.from({ length: random(5) }, some);
    const left = subtract(range, holes);
    for (let v = 0n; v < 80n; v++) {
      const want = inRange(range, v) && !holes.some(h => inRange(h, v));
      assert.equal(
        left.some(r => inRange(r, v)),
        want,
      );
    }
    const merged = mergeRanges(holes);
    assert.equal(
      totalSize(merged),
      BigInt(new Set(holes.flatMap(h => Array.from({ length: Number(h.last - h.first) + 1 }, (_, i) => h.first + BigInt(i)))).size),
    );
    assert.ok(merged.every((r, i) => i === 0 || r.first > merged[i - 1]!.last + 1n));
    const parts = rangeToCidrs(4, range);
    assert.equal(
      parts.reduce((n, p) => n + 2 ** (32 - p.prefix), 0),
      Number(range.last - range.first) + 1,
    );
  }
});
