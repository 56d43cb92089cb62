import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { withoutMarks } from './mangle-leftovers.ts';
import { parseQosTable, qosDelta, qosTable, type SendingPort } from './nft-qos.ts';

const marked: SendingPort = { device: 'tapa', dscp: 26 };
const limited: SendingPort = { device: 'tapb', limit: { kbps: 1000, burst: 0 } };
const both: SendingPort = { device: 'tapa', dscp: 26, limit: { kbps: 1000, burst: 3000 } };
const states: Readonly<Record<string, readonly SendingPort[]>> = {
  none: [],
  idle: [{ device: 'tapa' }],
  marked: [marked],
  limited: [marked, limited],
  both: [both, limited],
  other: [limited],
};

for (const [from, before] of Object.entries(states))
  for (const [to, after] of Object.entries(states))
    test(`${from} → ${to} ends where ${to} alone does, and then there is nothing to do`, async () => {
      const host = simHost();
      const read = async () => {
        const listing = await host.nft.listTable('', 'bridge', qosTable);
        return listing === undefined ? undefined : parseQosTable(listing);
      };
      for (const ports of [before, after]) {
        const script = qosDelta(await read(), ports);
        if (script !== '') await host.nft.apply('', script);
      }
      const alone = simHost();
      const script = qosDelta(undefined, after);
      if (script !== '') await alone.nft.apply('', script);
      const sorted = async (h: typeof host) =>
        (await h.nft.listTable('', 'bridge', qosTable))
          ?.replace(/elements = \{|[,}]$/gm, '')
          .split('\n')
          .map(l => l.trim())
          .sort();
      assert.deepEqual(await sorted(host), await sorted(alone));
      assert.equal(qosDelta(await read(), after), '');
    });

test('marks of both families, and a bucket: a second’s worth is in it already', () => {
  const script = qosDelta(undefined, [both]);
  assert.match(script, / ip dscp set 26\n.* ip6 dscp set 26\n.* limit rate over 125000 bytes\/second burst 250000 bytes drop\n/);
  assert.match(qosDelta(undefined, [limited]), /over 125000 bytes\/second burst 1 bytes drop/);
  assert.equal(qosDelta(undefined, [{ device: 'tapa', limit: { kbps: 0, burst: 9 } }]), '');
});

test('what a kernel cannot count is the most that it can', () => {
  const most = 2 ** 31 - 1;
  const script = qosDelta(undefined, [{ device: 'tapa', limit: { kbps: most, burst: 0 } }]);
  assert.match(script, /over 16000000000 bytes\/second burst 1 bytes drop/);
  assert.match(
    qosDelta(undefined, [{ device: 'tapa', limit: { kbps: 8, burst: most } }]),
    /over 1000 bytes\/second burst 2000000000 bytes drop/,
  );
});

test('what is kept is no part of the difference', async () => {
  const host = simHost();
  await host.nft.apply('', qosDelta(undefined, [both, limited]));
  const there = parseQosTable((await host.nft.listTable('', 'bridge', qosTable)) ?? '');
  assert.equal(qosDelta(there, [limited], new Set(['tapa'])), '');
  const script = qosDelta(there, [], new Set(['tapa']));
  assert.match(script, /delete element .* "tapb"/);
  assert.doesNotMatch(script, /tapa|delete table/);
});

test('marks of Neutron’s agent: jumps first, then chains; others’ rules stay', async () => {
  const saved = [
    '*mangle',
    ':POSTROUTING ACCEPT [0:0]',
    ':neutron-linuxbri-POSTROUTING - [0:0]',
    ':neutron-linuxbri-qos-oa00000 - [0:0]',
    '-A neutron-linuxbri-POSTROUTING -m physdev --physdev-in tapa0000001-00 --physdev-is-bridged -j neutron-linuxbri-qos-oa00000',
    '-A neutron-linuxbri-qos-oa00000 -j DSCP --set-dscp 0x1a',
    '-A POSTROUTING -j MARK --set-mark 1',
    'COMMIT',
    '',
  ].join('\n');
  assert.equal(
    withoutMarks(saved),
    [
      '*mangle',
      '-D neutron-linuxbri-POSTROUTING -m physdev --physdev-in tapa0000001-00 --physdev-is-bridged -j neutron-linuxbri-qos-oa00000',
      '-F neutron-linuxbri-qos-oa00000',
      '-X neutron-linuxbri-qos-oa00000',
      'COMMIT',
      '',
    ].join('\n'),
  );
  assert.equal(withoutMarks('*mangle\nCOMMIT\n'), '');
});
