// What l2population tells, in the captured forms, and the steps that bring a device there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFdb, changeIp, emptyFdb, type FdbState, parseFdbChanges, parseFdbEntries, removeFdb } from './l2-fdb.ts';
import { fdbOf, fdbSteps } from './linuxbridge-fdb.ts';

const NET = '586b73ec-b003-4153-9115-f31d2a75f445';
const OWN = '10.99.0.9';
const flood = ['00:00:00:00:00:00', '0.0.0.0'];
const entries = (ports: Record<string, unknown>, network_type = 'vxlan') => ({ [NET]: { segment_id: 1025, network_type, ports } });
const apply = (state: FdbState, f: typeof addFdb, ports: Record<string, unknown>): void => {
  for (const u of parseFdbEntries(entries(ports), ['vxlan'])) f(state, u.ends, OWN);
};
const plain = (s: FdbState) => ({
  flood: [...s.flood].sort(),
  unicast: Object.fromEntries(s.unicast),
  neighbours: Object.fromEntries(s.neighbours),
});

test('the whole table of a network, own entries left out', () => {
  const state = emptyFdb();
  apply(state, addFdb, {
    '10.99.0.1': [flood, ['fa:16:3e:d5:34:40', '10.50.0.2'], ['fa:16:3e:d5:34:40', '2001:db8::2']],
    '10.99.0.2': [flood],
    [OWN]: [flood, ['fa:16:3e:00:00:09', '10.50.0.9']],
  });
  assert.deepEqual(plain(state), {
    flood: ['10.99.0.1', '10.99.0.2'],
    unicast: { 'fa:16:3e:d5:34:40': '10.99.0.1' },
    neighbours: { '10.50.0.2': 'fa:16:3e:d5:34:40', '2001:db8::2': 'fa:16:3e:d5:34:40' },
  });
});

test('junk is left out, the rest is taken; other network types are not ours', () => {
  const state = emptyFdb();
  apply(state, addFdb, {
    'not an address': [flood],
    '10.99.0.1': [['x', '10.0.0.1'], ['fa:16:3e:00:00:01', '10.0.0.1; reboot'], null, ['fa:16:3e:00:00:02', '10.0.0.2']],
    '10.99.0.3': 7,
  });
  assert.deepEqual(plain(state), {
    flood: [],
    unicast: { 'fa:16:3e:00:00:02': '10.99.0.1' },
    neighbours: { '10.0.0.2': 'fa:16:3e:00:00:02' },
  });
  assert.deepEqual(parseFdbEntries(entries({}, 'gre'), ['vxlan']), []);
  assert.deepEqual(parseFdbEntries(null, ['vxlan']), []);
});

test('a port that moves is added at its new end before it is removed at the old one', () => {
  const state = emptyFdb();
  apply(state, addFdb, { '10.99.0.1': [flood, ['fa:16:3e:00:00:02', '10.0.0.2']] });
  apply(state, addFdb, { '10.99.0.2': [flood, ['fa:16:3e:00:00:02', '10.0.0.2']] });
  apply(state, removeFdb, { '10.99.0.1': [flood, ['fa:16:3e:00:00:02', '10.0.0.2']] });
  assert.deepEqual(plain(state), {
    flood: ['10.99.0.2'],
    unicast: { 'fa:16:3e:00:00:02': '10.99.0.2' },
    neighbours: { '10.0.0.2': 'fa:16:3e:00:00:02' },
  });
});

test('a dual-stack port loses its MAC with its last address', () => {
  const state = emptyFdb();
  apply(state, addFdb, {
    '10.99.0.1': [
      ['fa:16:3e:00:00:02', '10.0.0.2'],
      ['fa:16:3e:00:00:02', 'fd00::2'],
    ],
  });
  apply(state, removeFdb, { '10.99.0.1': [['fa:16:3e:00:00:02', '10.0.0.2']] });
  assert.equal(state.unicast.size, 1);
  apply(state, removeFdb, { '10.99.0.1': [['fa:16:3e:00:00:02', 'fd00::2']] });
  assert.deepEqual(plain(state), { flood: [], unicast: {}, neighbours: {} });
});

test('chg_ip, as captured', () => {
  const state = emptyFdb();
  apply(state, addFdb, { '10.99.0.2': [flood, ['fa:16:3e:1c:e4:0d', '10.50.0.92']] });
  const wire = {
    chg_ip: { [NET]: { '10.99.0.2': { before: [['fa:16:3e:1c:e4:0d', '10.50.0.92']], after: [['fa:16:3e:1c:e4:0d', '10.50.0.77']] } } },
  };
  for (const c of parseFdbChanges(wire)) changeIp(state, c, OWN);
  assert.deepEqual(plain(state).neighbours, { '10.50.0.77': 'fa:16:3e:1c:e4:0d' });
  assert.deepEqual(plain(state).unicast, { 'fa:16:3e:1c:e4:0d': '10.99.0.2' });
});

test("steps are the difference, and the kernel's own words are read back", () => {
  const state = emptyFdb();
  apply(state, addFdb, { '10.99.0.1': [flood, ['fa:16:3e:00:00:02', '10.0.0.2']] });
  assert.deepEqual(fdbSteps('vxlan-1', emptyFdb(), state), [
    { do: 'add-fdb', dev: 'vxlan-1', mac: '00:00:00:00:00:00', dst: '10.99.0.1' },
    { do: 'add-fdb', dev: 'vxlan-1', mac: 'fa:16:3e:00:00:02', dst: '10.99.0.1' },
    { do: 'replace-neighbour', dev: 'vxlan-1', ip: '10.0.0.2', mac: 'fa:16:3e:00:00:02' },
  ]);
  const kernel = fdbOf(
    'vxlan-1',
    [
      { dev: 'vxlan-1', mac: '00:00:00:00:00:00', dst: '10.99.0.1', permanent: true },
      { dev: 'vxlan-1', mac: 'fa:16:3e:00:00:02', dst: '10.99.0.1', permanent: true },
      { dev: 'vxlan-1', mac: 'fa:16:3e:00:00:02', permanent: false },
      { dev: 'vxlan-2', mac: 'fa:16:3e:00:00:03', dst: '10.99.0.1', permanent: true },
    ],
    [{ dev: 'vxlan-1', ip: '10.0.0.2', mac: 'fa:16:3e:00:00:02', permanent: true }],
  );
  assert.deepEqual(fdbSteps('vxlan-1', kernel, state), []);
  assert.deepEqual(
    fdbSteps('vxlan-1', kernel, emptyFdb()).map(s => s.do),
    ['del-neighbour', 'del-fdb', 'del-fdb'],
  );
});
