import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindsOf } from './running.ts';

test('agents are known by their command lines, Weft’s and Neutron’s', () => {
  const node = ['/opt/weft/node_modules/.bin/node', '--disable-warning=ExperimentalWarning'];
  const weft = '/opt/weft/src/main/weft.ts';
  for (const [argv, kinds] of [
    [[...node, weft, 'agent', 'dhcp', '--config-file', 'x'], ['dhcp']],
    [[...node, weft, '--called-as', 'neutron-l3-agent', '--config-file', 'x'], ['l3']],
    [[...node, '/opt/weft/bin/run.mjs', weft, 'agent', 'l3'], ['l3']],
    [
      [...node, '/opt/weft/bin/run.mjs', '/opt/weft/src/main/agent.ts', '/run/weft/h1.agent.json'],
      ['linuxbridge', 'openvswitch', 'dhcp', 'l3', 'metadata'],
    ],
    [['neutron-dhcp-agent (/usr/bin/python3 /usr/bin/neutron-dhcp-agent --config-file x)'], ['dhcp']],
    [
      [
        'neutron-l3-agent (/usr/bin/python3 /usr/bin/neutron-l3-agent --config-file=/etc/neutron/neutron.conf --config-file=/etc/neutron/l3_agent.ini)',
      ],
      ['l3'],
    ],
    [['/usr/bin/python3', '/usr/bin/neutron-linuxbridge-agent', '--config-file', 'x'], ['linuxbridge']],
    [[...node, weft, '--called-as', 'neutron-netns-cleanup'], []],
    [[...node, weft, 'server'], []],
    [['vi', '/etc/neutron/neutron-dhcp-agent.conf'], []],
    [[], []],
  ] as const)
    assert.deepEqual(kindsOf(argv), kinds, argv.join(' '));
});
