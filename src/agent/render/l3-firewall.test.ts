// Goldens of a router's packet filter, and the way from what is found to what is wanted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firewallRules, type RouterFirewall } from './l3-firewall.ts';
import { endedFlows, firewallDelta, settleWitness, withWitness } from './l3-firewall-delta.ts';

const NONE = '0x4000000/0xffff0000';
const INNER = '0x4010000/0xffff0000';
const OUTER = '0x4020000/0xffff0000';
const QG = 'qg-6e65f2b0-30';
const QR = 'qr-0b0b9b69-e2';
const plain: RouterFirewall = {
  scopes: { 4: [{ device: QR, mark: NONE }], 6: [{ device: QR, mark: NONE }] },
  floatingIps: [],
  forwardings: [],
  helpers: [],
  metadataPort: 9697,
};
const outside: RouterFirewall = {
  ...plain,
  gateway: { device: QG, address: '203.0.113.67', snat: true, scopeMark: NONE },
  scopes: {
    4: [
      { device: QR, mark: NONE },
      { device: QG, mark: NONE },
    ],
    6: [
      { device: QR, mark: NONE },
      { device: QG, mark: NONE },
    ],
  },
  floatingIps: [{ floating: '203.0.113.55', fixed: '10.50.0.227' }],
};

/** The rules of a table without the chains that are only declared. */
const rules = (fw: RouterFirewall, family: 4 | 6, table: string, randomFully = true): string[] => {
  const found = firewallRules(fw, family, { randomFully }).get(table);
  return found ? [...found.chains].flatMap(([chain, lines]) => lines.map(l => `${chain.replace('neutron-l3-agent-', '')}: ${l}`)) : [];
};

test('conntrack helpers: a chain of their own in raw, of both families, and no table without them', () => {
  const helpers = [{ protocol: 'tcp', port: 21, helper: 'ftp' }];
  for (const family of [4, 6] as const) {
    const raw = firewallRules({ ...plain, helpers }, family, { randomFully: true }).get('raw');
    assert.deepEqual(raw?.chains.get('neutron-l3-agent-cth'), ['-p tcp -m tcp --dport 21 -j CT --helper ftp']);
    assert.deepEqual(raw?.chains.get('neutron-l3-agent-PREROUTING'), ['-j neutron-l3-agent-cth']);
    assert.equal(firewallRules(plain, family, { randomFully: true }).has('raw'), false);
  }
});

test('nat of a router with a gateway and a floating IP', () => {
  assert.deepEqual(rules(outside, 4, 'nat'), [
    'PREROUTING: -d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 9697',
    'PREROUTING: -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.227',
    'OUTPUT: -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.227',
    `POSTROUTING: ! -o ${QG} -m conntrack ! --ctstate DNAT -j ACCEPT`,
    'neutron-postrouting-bottom: -m comment --comment "leaves through the gateway" -j neutron-l3-agent-snat',
    'float-snat: -s 10.50.0.227/32 -j SNAT --to-source 203.0.113.55 --random-fully',
    'snat: -j neutron-l3-agent-float-snat',
    `snat: -o ${QG} -j SNAT --to-source 203.0.113.67 --random-fully`,
    'snat: -m mark ! --mark 0x2/0xffff -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.67 --random-fully',
  ]);
});

test('without SNAT only the answers to floating IPs come back this way', () => {
  const fw = { ...outside, gateway: { ...outside.gateway!, snat: false } };
  assert.deepEqual(
    rules(fw, 4, 'nat', false).filter(r => r.startsWith('snat')),
    [
      'snat: -j neutron-l3-agent-float-snat',
      'snat: -m mark ! --mark 0x2/0xffff -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.67',
    ],
  );
  // Nothing hides the scope of what leaves any more.
  assert.ok(rules(fw, 4, 'filter').includes(`scope: -o ${QG} -m mark ! --mark ${NONE} -j DROP`));
  assert.ok(!rules(outside, 4, 'filter').includes(`scope: -o ${QG} -m mark ! --mark ${NONE} -j DROP`));
});

test('mangle: who comes from outside, scopes, metadata', () => {
  assert.deepEqual(rules(outside, 4, 'mangle'), [
    'PREROUTING: -j neutron-l3-agent-mark',
    'PREROUTING: -j neutron-l3-agent-scope',
    'PREROUTING: -m connmark ! --mark 0x0/0xffff0000 -j CONNMARK --restore-mark --nfmask 0xffff0000 --ctmask 0xffff0000',
    'PREROUTING: -j neutron-l3-agent-floatingip',
    'PREROUTING: -d 169.254.169.254/32 -i qr-+ -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xffff',
    `POSTROUTING: -o ${QG} -m connmark --mark 0x0/0xffff0000 -j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0xffff0000`,
    `mark: -i ${QG} -j MARK --set-xmark 0x2/0xffff`,
    `scope: -i ${QR} -j MARK --set-xmark ${NONE}`,
    `scope: -i ${QG} -j MARK --set-xmark ${NONE}`,
  ]);
});

test('a floating IP of another scope crosses with the mark of its own', () => {
  const fw: RouterFirewall = {
    ...outside,
    gateway: { ...outside.gateway!, scopeMark: OUTER, sameScopeMark: OUTER },
    floatingIps: [{ floating: '203.0.113.55', fixed: '10.50.0.227', scopeMark: INNER }],
  };
  const mangle = rules(fw, 4, 'mangle');
  assert.deepEqual(
    mangle.filter(r => /^(float|FORWARD)/.test(r)),
    [
      'FORWARD: -s 10.50.0.227/32 -j neutron-l3-agent-float-snat',
      `floatingip: -d 203.0.113.55/32 -j MARK --set-xmark ${INNER}`,
      `float-snat: -o ${QG} -j MARK --set-xmark ${OUTER}`,
      'float-snat: -m connmark --mark 0x0/0xffff0000 -j CONNMARK --save-mark --nfmask 0xffff0000 --ctmask 0xffff0000',
    ],
  );
  assert.ok(rules(fw, 4, 'nat').includes(`snat: -o ${QG} -m connmark --mark ${OUTER} -j ACCEPT`));
});

test('filter: the metadata port is for redirected requests, IPv6 has no such request', () => {
  assert.deepEqual(
    rules(outside, 4, 'filter').filter(r => r.startsWith('INPUT')),
    ['INPUT: -m mark --mark 0x1/0xffff -j ACCEPT', 'INPUT: -p tcp -m tcp --dport 9697 -j DROP'],
  );
  assert.deepEqual(
    rules(outside, 6, 'filter').filter(r => r.startsWith('INPUT')),
    ['INPUT: -p tcp -m tcp --dport 9697 -j DROP'],
  );
  assert.equal(firewallRules(outside, 6, { randomFully: true }).has('nat'), false);
  const { metadataPort: _, ...without } = outside;
  for (const family of [4, 6] as const)
    for (const table of ['nat', 'mangle', 'filter']) assert.ok(!rules(without, family, table).some(r => /9697|169\.254|0x1\//.test(r)));
});

test('port forwarding comes behind the floating IPs', () => {
  const fw = {
    ...outside,
    forwardings: [{ floating: '203.0.113.134', id: 'x', protocol: 'udp', externalPorts: '100:105', to: '10.50.0.92:100-105' }],
  };
  assert.deepEqual(
    rules(fw, 4, 'nat').filter(r => /^(OUTPUT|fip-pf)/.test(r)),
    [
      'OUTPUT: -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.227',
      'OUTPUT: -d 203.0.113.134/32 -p udp -m udp --dport 100:105 -j DNAT --to-destination 10.50.0.92:100-105',
      'fip-pf: -d 203.0.113.134/32 -p udp -m udp --dport 100:105 -j DNAT --to-destination 10.50.0.92:100-105',
    ],
  );
});

const wanted = firewallRules(outside, 4, { randomFully: true });
/** What iptables-save would say after the restore text into an empty table. */
const saved = [...wanted]
  .map(([name, t]) =>
    [
      `*${name}`,
      ...[...t.heads.keys()].map(c => `:${c} ACCEPT [0:0]`),
      ...[...t.chains.keys()].map(c => `:${c} - [0:0]`),
      ...[...t.heads].flatMap(([c, lines]) => lines.map(l => `-A ${c} ${l}`)),
      ...[...t.chains].flatMap(([c, lines]) => lines.map(l => `-A ${c} ${l}`)),
      'COMMIT',
      '',
    ].join('\n'),
  )
  .join('');

test('nothing is written where all is as wanted, whatever the quoting', () => {
  assert.equal(firewallDelta(saved, wanted), '');
  assert.equal(firewallDelta(saved.replaceAll('"', ''), wanted), '');
});

test('only the chain that differs is written', () => {
  const found = saved.replace('-A neutron-l3-agent-OUTPUT -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.227\n', '');
  assert.equal(
    firewallDelta(found, wanted),
    '*nat\n:neutron-l3-agent-OUTPUT - [0:0]\n-A neutron-l3-agent-OUTPUT -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.227\nCOMMIT\n',
  );
});

test("chains that are not wanted any more go, another owner's rules stay", () => {
  const found = saved
    .replace(':neutron-l3-agent-snat - [0:0]', ':neutron-l3-agent-snat - [0:0]\n:neutron-l3-agent-old - [0:0]\n:mine - [0:0]')
    .replace(
      '-A OUTPUT -j neutron-l3-agent-OUTPUT',
      '-A OUTPUT -j mine\n-A OUTPUT -j neutron-l3-agent-old\n-A OUTPUT -j neutron-l3-agent-OUTPUT',
    );
  assert.equal(
    firewallDelta(found, wanted),
    [
      '*nat',
      ':neutron-l3-agent-old - [0:0]',
      '-D OUTPUT -j neutron-l3-agent-old',
      '-D OUTPUT -j neutron-l3-agent-OUTPUT',
      '-I OUTPUT 1 -j neutron-l3-agent-OUTPUT',
      '-X neutron-l3-agent-old',
      'COMMIT',
      '',
    ].join('\n'),
  );
});

test('a table of ours that is not wanted is emptied', () => {
  const raw =
    '*raw\n:PREROUTING ACCEPT [0:0]\n:neutron-l3-agent-PREROUTING - [0:0]\n-A PREROUTING -j neutron-l3-agent-PREROUTING\nCOMMIT\n';
  assert.equal(
    firewallDelta(saved + raw, wanted),
    '*raw\n:neutron-l3-agent-PREROUTING - [0:0]\n-D PREROUTING -j neutron-l3-agent-PREROUTING\n-X neutron-l3-agent-PREROUTING\nCOMMIT\n',
  );
});

test('flows to be ended: of a floating IP both ways, of a forwarded port only its own', () => {
  const without = firewallRules({ ...outside, floatingIps: [] }, 4, { randomFully: true });
  assert.deepEqual(endedFlows(saved, wanted), []);
  assert.deepEqual(endedFlows('', wanted), []);
  assert.deepEqual(endedFlows(saved, without), [
    { family: 4, dst: '203.0.113.55' },
    { family: 4, replyDst: '203.0.113.55' },
  ]);
  const forwarded = (rule: string) =>
    endedFlows(`*nat\n:neutron-l3-agent-OUTPUT - [0:0]\n-A neutron-l3-agent-OUTPUT ${rule}\nCOMMIT\n`, wanted);
  assert.deepEqual(forwarded('-d 203.0.113.134/32 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.50.0.92:22'), [
    { family: 4, dst: '203.0.113.134', protocol: 'tcp', dstPort: 2222 },
  ]);
  assert.deepEqual(forwarded('-d 203.0.113.134/32 -p udp -m udp --dport 100:105 -j DNAT --to-destination 10.50.0.92:100-105'), [
    { family: 4, dst: '203.0.113.134', protocol: 'udp' },
  ]);
});

test('a translation that goes stays on record until its flows were ended', () => {
  const { floatingIps: _, ...rest } = outside;
  const next = firewallRules({ ...rest, floatingIps: [{ floating: '203.0.113.55', fixed: '10.50.0.9' }] }, 4, { randomFully: true });
  const first = firewallDelta(saved, withWitness(saved, next));
  assert.match(first, /-A neutron-l3-agent-PREROUTING -d 203\.0\.113\.55\/32 -j DNAT --to-destination 10\.50\.0\.9/);
  assert.doesNotMatch(first, /neutron-l3-agent-OUTPUT/);
  assert.equal(
    settleWitness(next),
    '*nat\n:neutron-l3-agent-OUTPUT - [0:0]\n-A neutron-l3-agent-OUTPUT -d 203.0.113.55/32 -j DNAT --to-destination 10.50.0.9\nCOMMIT\n',
  );
});
