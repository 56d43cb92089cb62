// Answers of a real server, as captured, and answers that make no sense.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tapName } from '../desired/linuxbridge-names.ts';
import { parseDetailsList, parseSecurityInfo } from './wire.ts';

const captured = {
  device: 'tapfc6d9ce1-f4',
  network_id: '586b73ec-b003-4153-9115-f31d2a75f445',
  port_id: 'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6',
  mac_address: 'fa:16:3e:56:49:45',
  admin_state_up: true,
  network_type: 'vxlan',
  segmentation_id: 1025,
  physical_network: null,
  mtu: 1400,
  fixed_ips: [{ subnet_id: '531ca130-a68e-4594-ac0f-8f414c07d24d', ip_address: '10.50.0.227' }],
  device_owner: 'compute:nova',
  allowed_address_pairs: [],
  port_security_enabled: true,
  qos_policy_id: '270b2b7f-2154-4655-a074-d520226d2af0',
  profile: {},
  propagate_uplink_status: false,
};

const parse = (...items: unknown[]) => {
  const complaints: string[] = [];
  return { answers: parseDetailsList(items, tapName, (device, why) => complaints.push(`${device}: ${why}`)), complaints };
};

test('details of a port, of one that is active elsewhere, of none', () => {
  const { answers, complaints } = parse(captured, { device: 'tap1', no_active_binding: true }, { device: 'tap2' });
  assert.deepEqual(complaints, []);
  assert.deepEqual(answers.get('tapfc6d9ce1-f4'), {
    kind: 'port',
    details: {
      device: 'tapfc6d9ce1-f4',
      port_id: 'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6',
      network_id: '586b73ec-b003-4153-9115-f31d2a75f445',
      mac_address: 'fa:16:3e:56:49:45',
      admin_state_up: true,
      network_type: 'vxlan',
      segmentation_id: 1025,
      physical_network: null,
      mtu: 1400,
      device_owner: 'compute:nova',
      port_security_enabled: true,
      fixed_ips: ['10.50.0.227'],
      qos_policy_id: '270b2b7f-2154-4655-a074-d520226d2af0',
      qos_network_policy_id: null,
    },
  });
  assert.deepEqual([answers.get('tap1'), answers.get('tap2')], [{ kind: 'inactive' }, { kind: 'unknown' }]);
});

test('an item that makes no sense is named, the others are taken', () => {
  const bad: [Partial<Record<keyof typeof captured, unknown>>, RegExp][] = [
    [{ port_id: 'x' }, /port id/],
    [{ port_id: 'aa6d9ce1-f469-4735-9d79-dcc98c4c26c6' }, /port id/],
    [{ network_id: '586b73ec; reboot' }, /network id/],
    [{ mac_address: 'fa:16' }, /MAC/],
    [{ network_type: null }, /network type/],
    [{ mtu: 9.5 }, /MTU/],
    [{ mtu: 70_000 }, /MTU/],
  ];
  for (const [fields, why] of bad) {
    const { answers, complaints } = parse({ ...captured, ...fields }, { device: 'tap2' }, null, 7, {});
    assert.match(complaints.join(), why);
    assert.deepEqual([...answers.keys()], ['tap2']);
  }
  for (const nonsense of [null, 'x', {}, 7]) assert.equal(parseDetailsList(nonsense, tapName, () => {}).size, 0);
});

test('security: members with and without a MAC, a family that is left out, fixed addresses in either form', () => {
  const info = parseSecurityInfo(
    {
      devices: {
        'fc6d9ce1-f469-4735-9d79-dcc98c4c26c6': {
          mac_address: 'fa:16:3e:56:49:45',
          fixed_ips: ['10.50.0.227', { ip_address: 'fd00::1' }],
          security_groups: ['g', 7],
          security_group_rules: [{ direction: 'ingress' }, null],
        },
        'no uuid': {},
      },
      security_groups: { g: [{ direction: 'egress' }], h: null },
      sg_member_ips: {
        g: { IPv4: [['10.50.0.55', null], '10.50.0.56', [7]], IPv6: [['fd00::2', 'fa:16:3e:00:00:01']] },
        ag: {
          IPv4: [['198.51.100.0/24', null]],
          IPv6: [
            ['::/0', 'FA:16:3E:00:00:02'],
            ['::/0', 7],
          ],
        },
        odd: 3,
      },
    },
    tapName,
  );
  assert.deepEqual([...info.devices.keys()], ['tapfc6d9ce1-f4']);
  const port = info.devices.get('tapfc6d9ce1-f4');
  assert.deepEqual(
    [port?.fixed_ips, port?.security_groups, port?.provider_rules, port?.port_security_enabled],
    [['10.50.0.227', 'fd00::1'], ['g'], [{ direction: 'ingress' }], true],
  );
  assert.deepEqual(Object.fromEntries(info.groups), { g: [{ direction: 'egress' }], h: [] });
  assert.deepEqual(Object.fromEntries(info.members), {
    g: ['10.50.0.55', '10.50.0.56', 'fd00::2'],
    ag: ['198.51.100.0/24', '::/0 fa:16:3e:00:00:02', '::/0'],
    odd: [],
  });
  for (const nonsense of [null, 'x', { devices: 7, security_groups: [], sg_member_ips: null }])
    assert.equal(parseSecurityInfo(nonsense, tapName).devices.size, 0);
});
