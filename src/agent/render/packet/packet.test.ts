import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionOf } from './began.ts';
import { readLayers } from './layers.ts';
import { echoes, packets } from './samples.suite.ts';
import { packetText } from './text.ts';

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const text = (hex: string): string => packetText(readLayers(bytes(hex)));

test('headers with os-ken’s names, without what a packet carries', () => {
  for (const [hex, printed] of packets) assert.equal(text(hex), printed);
  for (const [hex, last] of echoes) assert.ok(text(hex).endsWith(`, ${last}`), text(hex));
});

test('whatever is cut off or made up, what is whole is told and nothing fails', () => {
  for (const [hex, printed] of packets) {
    for (let length = 0; length < hex.length; length += 2) {
      const cut = text(hex.slice(0, length));
      assert.ok(cut === '' || cut.startsWith('ethernet('), cut);
      // Only a header that is not whole is left out; TCP's options and extension headers end where the packet does.
      assert.ok(printed.startsWith(cut.replace(/(option=(None|\[)|ext_hdrs=\[\]).*$/, '')), cut);
    }
  }
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed & 0xff;
  };
  for (const [hex] of [...packets, ...echoes])
    for (let n = 0; n < 300; n++) {
      const broken = bytes(hex);
      for (let i = 0; i < 4; i++) broken[random() % broken.length] = random();
      assert.doesNotMatch(packetText(readLayers(broken)), /[^\x20-\x7e]|NaN|undefined/);
    }
  assert.equal(
    text(`02000000000102000000000288b5${'00'.repeat(46)}`),
    "ethernet(dst='02:00:00:00:00:01',ethertype=34997,src='02:00:00:00:00:02')",
  );
});

test('the connection that a packet begins: behind a tag and extension headers, too; none without IP', () => {
  const of = (i: number) => connectionOf(readLayers(bytes(packets[i]![0])));
  assert.deepEqual(of(0), { family: 4, protocol: '6', src: '10.0.0.1', dst: '10.0.0.2', srcPort: 40_000, dstPort: 443 });
  assert.deepEqual(of(1), { family: 4, protocol: '17', src: '10.0.0.1', dst: '10.0.0.2', srcPort: 1, dstPort: 2 });
  assert.deepEqual(of(2), { family: 6, protocol: '17', src: 'fd00::1', dst: 'fd00::2', srcPort: 1, dstPort: 2 });
  assert.equal(of(3), undefined);
  assert.deepEqual(
    echoes.map(([hex]) => connectionOf(readLayers(bytes(hex)))).map(c => [c?.protocol, c?.icmpType, c?.icmpCode]),
    [
      ['1', 8, 0],
      ['58', 128, 0],
      ['58', 135, 0],
    ],
  );
});
