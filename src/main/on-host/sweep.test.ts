import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from './look.ts';
import { planEmptied, planSweep, undoRules } from './sweep.ts';

const ours = { mark: 'weft:1', namespaces: new Set<string>() };
const empty: Machine = {
  links: [],
  aliases: {},
  namespaces: [],
  sets: [],
  tables: [],
  chains: [],
  rules: { iptables: '', ip6tables: '' },
  sysctls: {},
};
const router = 'qrouter-7c0e9d1a-0000-4000-8000-000000000001';
const foreignRouter = 'qrouter-7c0e9d1a-0000-4000-8000-000000000002';

test('what bears our mark, or a name that only agents give and was not there before, goes', () => {
  const now: Machine = {
    ...empty,
    links: ['lo', 'eth0', 'tap01234567-89', 'brq01234567-89', 'brq01234567-90', 'vxlan-100', 'vxlan-101'],
    aliases: { eth0: 'uplink', 'tap01234567-89': 'weft:1', 'brq01234567-89': 'weft:1', 'vxlan-101': 'weft:2' },
    namespaces: [router, foreignRouter, 'lab'],
    sets: ['NIPv401234567-89ab-cdef-0123-4', 'blocklist'],
    tables: ['bridge neutron-linuxbri', 'arp neutron-linuxbri', 'ip raw', 'inet firewalld'],
  };
  const sweep = planSweep({ ...empty, links: ['lo', 'eth0'] }, now, { ...ours, namespaces: new Set([router, 'gone']) });
  assert.deepEqual(sweep.links, ['tap01234567-89', 'brq01234567-89']);
  assert.deepEqual(sweep.namespaces, [router]);
  assert.deepEqual(sweep.sets, ['NIPv401234567-89ab-cdef-0123-4']);
  assert.deepEqual(sweep.tables, ['bridge neutron-linuxbri', 'arp neutron-linuxbri']);
});

test('what was there before stays, however it is called', () => {
  const before: Machine = {
    ...empty,
    links: ['tap01234567-89'],
    namespaces: [router],
    tables: ['ip filter'],
    rules: { iptables: '*filter\n:neutron-filter-top - [0:0]\nCOMMIT', ip6tables: '' },
  };
  assert.deepEqual(planSweep(before, before, ours), {
    namespaces: [],
    links: [],
    rules: { iptables: '', ip6tables: '' },
    sets: [],
    tables: [],
    zones: [],
    sysctls: [],
  });
});

test('settings of the machine get their value back', () => {
  const key = 'net.bridge.bridge-nf-call-iptables';
  assert.deepEqual(planSweep({ ...empty, sysctls: { [key]: '0' } }, { ...empty, sysctls: { [key]: '1' } }, ours).sysctls, [`${key}=0`]);
});

test('connections of our zones go, those of the zones of others stay', () => {
  const others = '*raw\n-A PREROUTING -i eth5 -j CT --zone 4097';
  const now = `${others}\n-A neutron-linuxbri-PREROUTING -i brqa -j CT --zone 4097\n-A neutron-linuxbri-PREROUTING -i brqb -j CT --zone 4098`;
  const sweep = planSweep(
    { ...empty, rules: { iptables: others, ip6tables: '' } },
    { ...empty, rules: { iptables: now, ip6tables: now } },
    ours,
  );
  assert.deepEqual(sweep.zones, [4098]);
});

test("rules of others that lead to our chains go, and nothing else of others' chains", () => {
  const before = '*filter\n:INPUT ACCEPT [0:0]\n:mine - [0:0]\n-A INPUT -j mine\nCOMMIT';
  const now = [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':mine - [0:0]',
    ':neutron-linuxbri-INPUT - [0:0]',
    ':neutron-linuxbri-sg-chain - [0:0]',
    '-A INPUT -j neutron-linuxbri-INPUT',
    '-A INPUT -j mine',
    '-A INPUT -m comment --comment "to -j neutron-linuxbri-INPUT or not" -j ACCEPT',
    '-A neutron-linuxbri-INPUT -m physdev --physdev-in tap0 -j neutron-linuxbri-sg-chain',
    'COMMIT',
  ].join('\n');
  assert.equal(
    undoRules(before, now),
    [
      '*filter',
      '-D INPUT -j neutron-linuxbri-INPUT',
      '-F neutron-linuxbri-INPUT',
      '-F neutron-linuxbri-sg-chain',
      '-X neutron-linuxbri-INPUT',
      '-X neutron-linuxbri-sg-chain',
      'COMMIT',
      '',
    ].join('\n'),
  );
});

test('base chains and tables that iptables made for us go when nothing is in them', () => {
  const base = { family: 'ip', hook: 'forward', policy: 'accept' };
  const ruleset = [
    { table: { family: 'ip', name: 'filter' } },
    { chain: { ...base, table: 'filter', name: 'INPUT' } },
    { chain: { ...base, table: 'filter', name: 'FORWARD' } },
    { chain: { ...base, table: 'filter', name: 'OUTPUT' } },
    { chain: { ...base, table: 'filter', name: 'DENY', policy: 'drop' } },
    { rule: { family: 'ip', table: 'filter', chain: 'OUTPUT' } },
    { table: { family: 'ip', name: 'raw' } },
    { chain: { ...base, table: 'raw', name: 'PREROUTING' } },
    { table: { family: 'inet', name: 'filter' } },
    { chain: { ...base, family: 'inet', table: 'filter', name: 'input' } },
  ];
  // INPUT was there before, OUTPUT has a rule, DENY denies, and the table of family inet is none of iptables.
  assert.equal(
    planEmptied({ tables: [], chains: ['ip filter INPUT'] }, ruleset),
    'delete chain ip filter FORWARD\ndelete chain ip raw PREROUTING\ndelete table ip raw\n',
  );
});
