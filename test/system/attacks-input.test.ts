// Family (a), a tenant's text that reaches a configuration; (b), one bad object that stops the work for all; (e), input without an end.
// What the API takes goes all the way to the hosts; what it refuses is put on the bus, and into the database, as if it had been taken.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { ApiError, type Body } from '../../src/client/api.ts';
import type { Bus } from '../../src/contracts/bus.ts';
import { run } from '../../src/main/sandbox/run.ts';
import { type Actor, AttackWorld, anyRules, python } from './attack-world.ts';
import { noSandbox } from './need.ts';
import type { Made } from './weft-world.ts';

const silent = { debug() {}, info() {}, warning() {}, error() {}, critical() {}, child: () => silent } as never;

/** Stands in every text that must not get anywhere; the file is what commands in them would make. */
const mark = 'PWNED';
const traces = [
  'x\ndhcp-script=/tmp/PWNED',
  'x\r\n--dhcp-script=/tmp/PWNED',
  'x\rdhcp-option=3,6.6.6.6 PWNED',
  '"\nconf-file=/tmp/PWNED',
  "' -j ACCEPT\n-A FORWARD -m comment --comment PWNED -j ACCEPT",
  'COMMIT\n*filter\n:PWNED - [0:0]\nCOMMIT',
  '} ; add table ip PWNED ; {',
  'x,set:PWNED,tag:PWNED',
  'x # PWNED',
  '#PWNED',
  '$(touch /tmp/PWNED)',
  '`touch /tmp/PWNED`',
  '; touch /tmp/PWNED ;',
  'link set eth0 down\nPWNED',
  '../../../tmp/PWNED',
  '%n%s PWNED',
  'x\u2028PWNED',
  'x\u0000PWNED',
  'x\u001b[2JPWNED',
];

describe('attacks by what is written', { skip: noSandbox() }, () => {
  let stage: AttackWorld;
  /** Goes on whatever happens to others. */
  let bystander: Actor;
  let probe: Actor;
  let bus: Bus;

  before(async () => {
    stage = await AttackWorld.open(1);
    const quota = { security_group: -1, security_group_rule: -1, router: -1, port: -1, network: -1, subnet: -1 };
    await stage.world.admin.put(`/quotas/${stage.projects.weft}`, { quota });
    [bystander, probe] = await Promise.all([stage.actor('bystander'), stage.actor('probe')]);
    bus = await connectUnixBus(stage.world.folder.busSocket, { clock: systemClock, log: silent });
  });
  after(async () => {
    await bus?.[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  });

  /** Everything on the host that is made of what tenants said: files, rules, sets, links and command lines, in all namespaces. */
  const everything = async (): Promise<string> => {
    const look = `
      for f in $(find /run/weft -type f); do echo "== $f"; cat "$f"; done
      for n in "" $(ip netns | cut -d' ' -f1); do
        in=""; [ -n "$n" ] && in="ip netns exec $n"
        $in ip -d link; $in ip addr; $in ip route; $in ip -6 route; $in iptables-save; $in ip6tables-save; $in nft list ruleset; $in ipset list
      done
      ps -eo args | grep -E "dnsmasq|haproxy|radvd|keepalived"
      ls -la /tmp`;
    return stage.world.host('h1', 'sh', '-c', look);
  };
  const noTrace = async (mayBe: (line: string) => boolean = () => false): Promise<void> => {
    const lines = (await everything()).split('\n').filter(l => l.includes(mark) && !mayBe(l));
    assert.deepEqual(lines, []);
  };
  /** What a request came to: its object, or the status of its refusal, which is never a failure of ours. */
  const attempt = async (kind: string, attributes: Body): Promise<Made | undefined> => {
    try {
      return await stage.world.create(stage.world.admin, kind, { project_id: stage.projects.weft, ...attributes });
    } catch (error) {
      assert.ok(error instanceof ApiError && error.status >= 400 && error.status < 500, `${kind} ${JSON.stringify(attributes)}: ${error}`);
      return undefined;
    }
  };
  const reaches = async (from: Actor, to: Actor): Promise<boolean> =>
    (await stage.world.attempt(from.vm, 'ping', '-n', '-c1', '-W0.5', to.v4)).code === 0;
  const othersGoOn = async (): Promise<void> => assert.ok(await reaches(probe, bystander), 'the others go on');

  test('(a) names, descriptions, tags and identifiers that the API takes reach no configuration', async () => {
    const { world } = stage;
    let taken = 0;
    for (const text of traces) {
      const name = text.slice(0, 200);
      const network = await attempt('network', { name, description: text, mtu: 1400 });
      if (!network) continue;
      taken++;
      // Some of them are realised: each is a namespace with its daemons.
      const realised = taken <= 4;
      const about = { network_id: network.id, name, description: text, enable_dhcp: realised };
      const subnet = await attempt('subnet', { ...about, ip_version: 4, cidr: '10.77.0.0/24' });
      const group = await attempt('security-group', { name, description: text });
      await attempt('security-group-rule', { security_group_id: group?.id, direction: 'ingress', protocol: 'tcp', description: text });
      const router = await attempt('router', { name, description: text });
      if (realised && router && subnet) await world.admin.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
      await attempt('port', { network_id: network.id, name, description: text, device_id: text, device_owner: text, tags: [text] });
      await world.admin.put(`/networks/${network.id}/tags/${encodeURIComponent(text.slice(0, 60))}`, {}).catch(() => {});
      for (const dns_domain of [text]) await attempt('network', { dns_domain });
      for (const field of ['dns_name', 'mac_address', 'device_id', 'binding:vnic_type', 'binding:host_id', 'network_id'])
        await attempt('port', { network_id: network.id, [field]: text, 'binding:profile': { [text]: text } });
      for (const more of [
        { cidr: text },
        { gateway_ip: text },
        { dns_nameservers: [text] },
        { host_routes: [{ destination: text, nexthop: text }] },
      ])
        await attempt('subnet', { network_id: network.id, ip_version: 4, cidr: '10.78.0.0/24', ...more });
      for (const more of [
        { protocol: text },
        { remote_ip_prefix: text },
        { ethertype: text },
        { direction: text },
        { remote_group_id: text },
      ])
        await attempt('security-group-rule', { security_group_id: group?.id, direction: 'ingress', ...more });
      for (const pair of [{ ip_address: text }, { ip_address: '10.0.0.1', mac_address: text }])
        await attempt('port', { network_id: network.id, allowed_address_pairs: [pair] });
    }
    assert.ok(taken >= 10, `${taken} of the names are names`);
    const named = await world.create(world.admin, 'network', { name: 'named\nPWNED', project_id: stage.projects.weft });
    await world.create(world.admin, 'subnet', { network_id: named.id, ip_version: 4, cidr: '10.79.0.0/24', name: traces[0] });
    const port = await stage.port(named, 'weft', { name: traces[0], description: traces[4], device_id: '' });
    await stage.start('named', port, 'h1');
    await noTrace();
    await othersGoOn();
  });

  test('OSSA-2021-005: options of DHCP that say more than one option, or tell the server what to do', async () => {
    const { world } = stage;
    const opt = (opt_name: string, opt_value: string): object => ({ opt_name, opt_value });
    for (const text of traces)
      for (const bad of [opt(text, 'x'), opt('bootfile-name', text), opt(`tag:${text},67`, 'x')])
        await attempt('port', { network_id: stage.shared.id, extra_dhcp_opts: [bad], fixed_ips: [] });
    const directives = ['dhcp-script', 'conf-file', 'dhcp-hostsfile', 'addn-hosts', 'log-facility', 'enable-tftp', 'user', 'option:PWNED'];
    const port = await stage.port(stage.shared, 'weft', {
      security_groups: [stage.any.weft.id],
      extra_dhcp_opts: [
        ...directives.map(d => opt(d, '/tmp/PWNED')),
        opt('bootfile-name', 'pxelinux.0'),
        opt('server-ip-address', '10.5.0.9'),
      ],
    });
    const odd = await stage.start('odd', port, 'h1');
    assert.match(await everything(), new RegExp(`tag:port-${port.id},option:bootfile-name,pxelinux\\.0`), 'a good option is there');
    await noTrace();
    assert.ok(await reaches(odd, bystander));
    // The server that has read all this answers.
    const renewed = await world.attempt(bystander.vm, 'udhcpc', '-i', 'eth0', '-n', '-q', '-t', '3', '-s', '/bin/true');
    assert.match(`${renewed.stdout}${renewed.stderr}`, new RegExp(`lease of ${bystander.v4} obtained`));
  });

  test('(a) the same texts in messages of the bus', async () => {
    const { world } = stage;
    const pid = world.agentPid('h1');
    // One for each text, since agents act on the last word about a port.
    const scapegoats = await Promise.all([...traces, 'the last'].map(() => stage.port(stage.shared, 'weft', { name: 'scapegoat' })));
    const hosts = async (topic: string, method: string, args: Record<string, unknown>): Promise<void> => {
      await bus.cast({ topic, server: 'h1', version: '1.0' }, method, args);
      await bus.cast({ topic, fanout: true, version: '1.0' }, method, args);
    };
    for (const [i, text] of traces.entries()) {
      const port: Body = scapegoats[i] ?? {};
      const fixed = port['fixed_ips'] as { subnet_id: string; ip_address: string }[];
      const poisoned = {
        ...port,
        // Agents take only what is newer.
        revision_number: 100,
        name: text,
        device_id: text,
        dns_name: text,
        dns_assignment: fixed.map(f => ({ ...f, hostname: text, fqdn: text })),
        extra_dhcp_opts: [
          { opt_name: text, opt_value: text, ip_version: 4 },
          { opt_name: 'bootfile-name', opt_value: text, ip_version: 4 },
          { opt_name: 'client-id', opt_value: text, ip_version: 4 },
          { opt_name: 'domain-name', opt_value: text, ip_version: 4 },
        ],
      };
      await hosts('dhcp_agent', 'port_update_end', { payload: { port: poisoned } });
      await hosts('dhcp_agent', 'port_create_end', { payload: { port: { ...poisoned, id: text, mac_address: text } } });
      await hosts('dhcp_agent', 'network_create_end', { payload: { network: { id: text } } });
      await hosts('dhcp_agent', 'network_delete_end', { payload: { network_id: text } });
      await hosts('l3_agent', 'routers_updated', { routers: [text] });
      await hosts('l3_agent', 'router_deleted', { router_id: text });
      await hosts('q-agent-notifier-port-update', 'port_update', { port: { ...poisoned, id: text }, network_type: text });
      await hosts('q-agent-notifier-port-delete', 'port_delete', { port_id: text });
      await hosts('q-agent-notifier-network-update', 'network_update', {
        network: { id: stage.shared.id, mtu: text, 'provider:segmentation_id': text },
      });
      await hosts('q-agent-notifier-network-delete', 'network_delete', { network_id: text });
      await hosts('q-agent-notifier-security_group-update', 'security_groups_rule_updated', { security_groups: [text] });
      const entry = { segment_id: text, network_type: 'vxlan', ports: { [text]: [[text, text]], '198.18.0.9': [[text, text]] } };
      await hosts('q-agent-notifier-l2population-update', 'add_fdb_entries', { fdb_entries: { [stage.shared.id]: entry, [text]: entry } });
      await hosts('q-agent-notifier-l2population-update', 'update_fdb_entries', {
        fdb_entries: { chg_ip: { [stage.shared.id]: { [text]: { before: [[text, text]], after: [[text, text]] } } } },
      });
    }
    const last: Body = scapegoats.at(-1) ?? {};
    const named = (last['fixed_ips'] as Body[]).map(f => ({ ...f, hostname: 'heard-of-it', fqdn: 'heard-of-it.example.' }));
    const options = traces.map(opt_value => ({ opt_name: 'bootfile-name', opt_value, ip_version: 4 }));
    await hosts('dhcp_agent', 'port_update_end', {
      payload: { port: { ...last, revision_number: 100, dns_assignment: named, extra_dhcp_opts: options } },
    });
    await world.until('the last of them was heard', async () => (await everything()).includes('heard-of-it.example'));
    // One line of plain text is the name of a file for its port, whatever it says.
    const plain = traces.filter(t => /^[\x20-\x7e]+$/.test(t)).map(t => `option:bootfile-name,${t}`);
    const isName = (line: string): boolean =>
      plain.some(p => line.endsWith(p) && /^tag:port-[0-9a-f-]{36}$/.test(line.slice(0, -p.length - 1)));
    // The files of a DHCP server are written one after the other.
    await world.until('some are', async () => /^tag:port-[0-9a-f-]{36},option:bootfile-name,.*PWNED/m.test(await everything()));
    await noTrace(isName);
    const { v4 } = await stage.actor('after-the-messages');
    await world.until('messages are heard', async () => (await everything()).includes(v4));
    await noTrace(isName);
    await othersGoOn();
    assert.equal(world.agentPid('h1'), pid, 'the same agents');
    await Promise.all(scapegoats.map(port => world.admin.delete(`/ports/${port.id}`)));
    await world.until('nothing of them is left', async () => {
      const text = await everything();
      return !scapegoats.some(port => text.includes(port.id));
    });
  });

  const ranges = (protocol: string): Body[] =>
    [
      [1, 65535],
      [80, 80],
      [80, 90],
      [85, 95],
      [1, 85],
      [90, 65535],
      [65535, 65535],
    ].map(([port_range_min, port_range_max]) => ({ direction: 'ingress', ethertype: 'IPv4', protocol, port_range_min, port_range_max }));

  test('(b) OSSA-2019-002, OSSA-2015-012: odd rules and pairs that are allowed compile, and the next port is wired and filtered', async () => {
    const { world } = stage;
    const ingress = (rule: Body): Body => ({ direction: 'ingress', ethertype: 'IPv4', ...rule });
    const odd = [
      ...['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6'].flatMap(ranges),
      ...['vrrp', '112', 'ah', 'esp', 'gre', 'igmp', 'ospf', 'pgm', 'egp', 'ipip', '0', '255', '254'].map(protocol =>
        ingress({ protocol }),
      ),
      ...['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '10.5.0.77/8', '255.255.255.255'].map(remote_ip_prefix => ingress({ remote_ip_prefix })),
      ...['::/0', '::/1', 'fe80::/10', '::ffff:1.2.3.4/128'].map(remote_ip_prefix => ({
        direction: 'ingress',
        ethertype: 'IPv6',
        remote_ip_prefix,
      })),
      ...[0, 8, 255].map(port_range_min => ingress({ protocol: 'icmp', port_range_min })),
      ingress({ protocol: 'icmp', port_range_min: 0, port_range_max: 0 }),
      ...['icmp', 'icmpv6', 'ipv6-icmp', 'ipv6-frag', 'ipv6-nonxt', 'ipv6-opts', 'ipv6-route', 'ipv6-encap'].map(protocol => ({
        direction: 'egress',
        ethertype: 'IPv6',
        protocol,
      })),
    ];
    const [one, two] = [await stage.group('weft', [], 'odd one'), await stage.group('weft', [], 'odd two')];
    let taken = 0;
    for (const rule of odd) {
      if (await attempt('security-group-rule', { ...rule, security_group_id: one.id })) taken++;
      await attempt('security-group-rule', { ...rule, security_group_id: two.id });
    }
    assert.ok(taken >= 50, `${taken} rules`);
    for (const group of [one, two]) await stage.rule(group, { direction: 'ingress', ethertype: 'IPv4', remote_group_id: two.id });
    for (const group of [one, two]) await stage.rule(group, { direction: 'ingress', ethertype: 'IPv6', remote_group_id: one.id });
    // Members with everything as their address: no set has an element for a prefix of length 0.
    const pairs = ['0.0.0.0/0', '::/0', '10.0.0.0/8', '10.5.0.200'].map(ip_address => ({ ip_address }));
    const wild = await stage.actor('wild', { more: { security_groups: [one.id, two.id], allowed_address_pairs: pairs } });
    const closed = await stage.group('weft', [...anyRules.filter(r => r.direction === 'egress')], 'closed');
    const next = await stage.actor('next', { more: { security_groups: [closed.id] } });
    assert.ok(await reaches(next, bystander), 'the next port is wired');
    assert.ok(!(await reaches(bystander, next)), 'and filtered');
    assert.ok(await reaches(next, wild), 'and so is the odd one, which allows it');
    assert.doesNotMatch(world.log('h1-linuxbridge-agent'), /cannot be wired|refused/);
  });

  test('(b) OSSA-2019-001, OSSA-2014-014: rules that the API refuses', async () => {
    const { world } = stage;
    const group = await stage.group('weft', anyRules, 'refusing');
    const bad: Body[] = [
      ...['vrrp', '112', 'gre', 'ah', 'esp', 'igmp', '0', 'any', null].map(protocol => ({
        protocol,
        port_range_min: 1,
        port_range_max: 2,
      })),
      ...['10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '10.0.0.0/8/8', '/', ' ', '10.0.0.1 -j ACCEPT'].map(remote_ip_prefix => ({
        remote_ip_prefix,
      })),
      { protocol: 'tcp', port_range_min: 2, port_range_max: 1 },
      { protocol: 'tcp', port_range_min: -1, port_range_max: 1 },
      { protocol: 'tcp', port_range_min: 1, port_range_max: 65536 },
      { protocol: 'icmp', port_range_min: 256 },
      { protocol: '256' },
      { protocol: 'tcp', ethertype: 'IPv6', remote_ip_prefix: '10.0.0.0/8' },
    ];
    for (const rule of bad) {
      const body = { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...rule } };
      await assert.rejects(world.admin.post('/security-group-rules', body), (e: ApiError) => e.status === 400, JSON.stringify(rule));
    }
    await stage.rule(group, { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 1, port_range_max: 2 });
  });

  /** Changes rows behind the server's back. */
  const sql = (statement: string, ...values: (string | number | null)[]): void => {
    using db = new DatabaseSync(`${stage.world.folder.path}/weft.db`);
    db.exec('PRAGMA busy_timeout = 5000');
    db.prepare(statement).run(...values);
  };

  test('(b) a rule in the database that cannot be enforced shuts the ports of its group, and no others', async () => {
    const { world } = stage;
    const group = await stage.group('weft', anyRules, 'poisoned');
    const target = await stage.actor('target', { more: { security_groups: [group.id] } });
    const rule = await stage.rule(group, {
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 'tcp',
      port_range_min: 80,
      port_range_max: 80,
    });
    assert.ok(await reaches(probe, target));
    const good = {
      protocol: 'tcp',
      port_range_min: 80,
      port_range_max: 80,
      remote_ip_prefix: null,
      normalized_cidr: null,
      ethertype: 'IPv4',
      direction: 'ingress',
      remote_group_id: null,
    };
    const poison: Partial<Record<keyof typeof good, string | number | null>>[] = [
      { protocol: '112' },
      { protocol: 'tcp -j ACCEPT\n-A FORWARD -m comment --comment PWNED' },
      { protocol: '999' },
      { protocol: null },
      { normalized_cidr: '10.0.0.0/99', remote_ip_prefix: '10.0.0.0/99' },
      { normalized_cidr: '0.0.0.0/0 -j ACCEPT\nPWNED', remote_ip_prefix: 'PWNED' },
      { normalized_cidr: 'fe80::/64', remote_ip_prefix: 'fe80::/64' },
      { port_range_min: 90 },
      { port_range_max: 70_000 },
      { port_range_min: -5 },
      { ethertype: 'IPX PWNED' },
      { direction: 'sideways\nPWNED' },
      { remote_group_id: 'x src -j ACCEPT\nPWNED' },
    ];
    const write = (values: (typeof poison)[number]): void => {
      const all = Object.entries({ ...good, ...values });
      sql(`UPDATE security_group_rules SET ${all.map(([k]) => `${k} = ?`).join(', ')} WHERE id = ?`, ...all.map(([, v]) => v), rule.id);
    };
    // Any change of the group makes its agents ask anew.
    let n = 1000;
    const tell = async (): Promise<void> => {
      await stage.rule(group, { direction: 'egress', ethertype: 'IPv4', protocol: 'udp', port_range_min: ++n, port_range_max: n });
    };
    for (const values of poison) {
      const what = JSON.stringify(values);
      write(values);
      await tell();
      await world.until(`it is shut by ${what}`, async () => !(await reaches(probe, target)));
      await othersGoOn();
      write({});
      await tell();
      await world.until(`it is open again after ${what}`, () => reaches(probe, target));
    }
    write(poison[0] ?? {});
    await tell();
    await world.until('it is shut', async () => !(await reaches(probe, target)));
    const late = await stage.actor('late');
    assert.ok(await reaches(late, bystander), 'and new ports come');
    await noTrace();
    write({});
    await tell();
    await world.until('it is open at last', () => reaches(probe, target));
  });

  test('(b) ports and subnets in the database that make no sense', async () => {
    const { world } = stage;
    const target = await stage.actor('spoiled');
    let n = 0;
    const tell = async (): Promise<void> => {
      await world.admin.put(`/ports/${target.vm.port}`, { port: { name: `spoiled ${++n}` } });
    };
    const pairs = (list: unknown): string => JSON.stringify(list);
    for (const value of [
      pairs([{ ip_address: '10.0.0.1/99', mac_address: target.mac }]),
      pairs([{ ip_address: 'x -j ACCEPT\nPWNED', mac_address: target.mac }]),
      pairs([{ ip_address: '10.0.0.1', mac_address: 'fa:16:3e:00:00:01 } accept\nPWNED' }]),
      pairs([{ ip_address: '10.0.0.1', mac_address: '33:33:00:00:00:01' }]),
    ]) {
      sql('UPDATE ports SET allowed_address_pairs = ? WHERE id = ?', value, target.vm.port);
      await tell();
      await world.until(`it is shut by ${value}`, async () => !(await reaches(probe, target)));
      await othersGoOn();
      sql("UPDATE ports SET allowed_address_pairs = '[]' WHERE id = ?", target.vm.port);
      await tell();
      await world.until(`it is open again after ${value}`, () => reaches(probe, target));
    }
    const options = traces.map(text => ({ opt_name: 'bootfile-name', opt_value: text, ip_version: 4 }));
    sql('UPDATE ports SET extra_dhcp_opts = ?, name = ? WHERE id = ?', JSON.stringify(options), traces[0] ?? '', target.vm.port);
    const [subnet] = (await world.admin.get<{ subnets: { id: string }[] }>(`/subnets?network_id=${stage.shared.id}&ip_version=4`)).subnets;
    const routes = traces.map(text => ({ destination: text, nexthop: text }));
    sql(
      'UPDATE subnets SET dns_nameservers = ?, host_routes = ? WHERE id = ?',
      JSON.stringify(traces),
      JSON.stringify(routes),
      subnet?.id ?? '',
    );
    const lookAgain = (description: string): Promise<unknown> =>
      world.admin.put(`/networks/${stage.shared.id}`, { network: { description } });
    await lookAgain('the DHCP agents ask');
    const late = await stage.actor('later');
    assert.ok(await reaches(late, bystander), 'and new ports come');
    assert.match(await everything(), new RegExp(`${late.mac},.*${late.v4}`), 'with a lease');
    // One line of plain text is the name of a file, for this port alone, whatever it says.
    const plain = traces.filter(t => /^[\x20-\x7e]+$/.test(t)).map(t => `tag:port-${target.vm.port},option:bootfile-name,${t}`);
    await noTrace(line => plain.includes(line));
    assert.match(await everything(), /touch \/tmp\/PWNED/, 'which is seen');
    sql("UPDATE subnets SET dns_nameservers = '[]', host_routes = '[]' WHERE id = ?", subnet?.id ?? '');
    sql("UPDATE ports SET extra_dhcp_opts = '[]' WHERE id = ?", target.vm.port);
    await lookAgain('and ask again');
    await world.until('the options are gone', async () => !(await everything()).includes(`tag:port-${target.vm.port}`));
  });

  test('OSSA-2015-001, OSSA-2014-019: eight routers with IPv6 at once, one of them spoiled, stop no floating IP', async () => {
    const { world } = stage;
    const make = async (n: number): Promise<Made> => {
      const network = await world.create(world.admin, 'network', { name: `six${n}`, project_id: stage.projects.weft });
      const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
      const subnet = await world.create(world.admin, 'subnet', {
        network_id: network.id,
        ip_version: 6,
        cidr: `fd00:${n + 10}::/64`,
        ...slaac,
      });
      const router = await world.create(world.admin, 'router', { name: `six${n}`, project_id: stage.projects.weft });
      await world.admin.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
      if (n === 0) {
        sql("UPDATE subnets SET cidr = 'fd00::/64 PWNED', dns_nameservers = '[\"x PWNED\"]' WHERE id = ?", subnet.id);
        await world.admin.put(`/routers/${router.id}`, { router: { admin_state_up: false } });
        await world.admin.put(`/routers/${router.id}`, { router: { admin_state_up: true } });
      }
      return router;
    };
    const routers = await Promise.all(Array.from({ length: 8 }, (_, n) => make(n)));
    const [outside] = (await world.admin.get<{ networks: Made[] }>('/networks?router:external=true')).networks;
    const fip = await world.create(world.admin, 'floatingip', {
      floating_network_id: outside?.id,
      port_id: bystander.vm.port,
      project_id: stage.projects.weft,
    });
    const address = String(fip['floating_ip_address']);
    await world.until('the floating IP answers', async () => (await world.public('ping', '-n', '-c1', '-W1', address)).code === 0, 15_000);
    await world.until('the other routers are there', async () => {
      const namespaces = await world.host('h1', 'ip', 'netns');
      return routers.slice(1).every(r => namespaces.includes(r.id));
    });
    assert.match(
      world.log('h1-l3-agent'),
      new RegExp(`not all of a router is realised.*${routers[0]?.id}`),
      'the spoiled one was heard of',
    );
    await noTrace();
  });

  test('OSSA-2014-021, OSSA-2017-001: a token is neither on the bus nor in anything that is written down', async () => {
    const { world } = stage;
    const heard: string[] = [];
    const hear = (args: unknown, context: unknown): null => {
      heard.push(JSON.stringify({ args, context }));
      return null;
    };
    const topics = ['port-update', 'network-update', 'port-delete'].map(t => `q-agent-notifier-${t}`);
    const methods = { port_update: hear, network_update: hear, port_delete: hear };
    const served = await Promise.all(topics.map(topic => bus.serve({ topic, server: 'spy', endpoints: [{ version: '1.5', methods }] })));
    const { url, user, password } = await world.login('weft');
    const scope = { project: { name: 'weft', domain: { id: 'default' } } };
    const identity = { methods: ['password'], password: { user: { name: user, domain: { id: 'default' }, password } } };
    const headers = { 'content-type': 'application/json' };
    const issued = await fetch(`${url}/identity/v3/auth/tokens`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ auth: { identity, scope } }),
    });
    const token = issued.headers.get('x-subject-token') ?? '';
    assert.ok(token.length > 20, 'a token');
    const ask = async (method: string, path: string, body?: unknown): Promise<Record<string, Made>> => {
      const sent = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await fetch(`${url}/v2.0${path}`, { method, headers: { ...headers, 'x-auth-token': token }, body: sent });
      return JSON.parse((await answer.text()) || '{}') as Record<string, Made>;
    };
    const { network } = await ask('POST', '/networks', { network: { name: 'spied' } });
    const { port } = await ask('POST', '/ports', { port: { network_id: network?.id } });
    assert.ok(network && port, 'the token is good');
    await ask('PUT', `/networks/${network.id}`, { network: { description: 'told' } });
    await ask('PUT', `/ports/${port.id}`, { port: { name: 'told' } });
    // And where it goes wrong, on the way and inside.
    await ask('POST', '/ports', '{"port": ');
    await ask('GET', `/ports?token=${token.slice(0, 5)}&nonsense=%ff`);
    sql("UPDATE ports SET extra_dhcp_opts = 'not json' WHERE id = ?", port.id);
    const broken = await ask('GET', `/ports/${port.id}`);
    assert.ok('NeutronError' in broken, 'a request that fails inside');
    sql("UPDATE ports SET extra_dhcp_opts = '[]' WHERE id = ?", port.id);
    await ask('DELETE', `/ports/${port.id}`);
    await world.until('the spy hears', () => heard.some(h => h.includes(port.id)) && heard.some(h => h.includes(network.id)));
    assert.ok(!heard.some(h => h.includes(token) || h.includes(password)));
    const files = readdirSync(world.folder.path, { recursive: true, withFileTypes: true }).filter(f => f.isFile());
    const texts = files.map(f => [f.name, readFileSync(join(f.parentPath, f.name), 'latin1')] as const);
    assert.ok(
      texts.some(([name, text]) => name.startsWith('weft.db') && text.includes(port.id)),
      'what is written down is read',
    );
    assert.deepEqual(
      texts.filter(([, text]) => text.includes(token)).map(([name]) => name),
      [],
    );
    for (const s of served) await s[Symbol.asyncDispose]();
  });

  test('(e) OSSA-2021-006: junk requests and junk on the bus leave the server as big as it was', async () => {
    const { world } = stage;
    const pid = (await world.status()).pid;
    const rss = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
    const junk = async (round: number): Promise<void> => {
      const program = `
import http.client, os, sys
host, port = '${world.listen}'.split(':')
c = http.client.HTTPConnection(host, int(port))
for i in range(3000):
    path = ['/v2.0/' + os.urandom(20).hex(), '/' + os.urandom(200).hex(), '/v2.0/networks/' + os.urandom(16).hex(), '/v2.0/ports?' + os.urandom(8).hex() + '=' + os.urandom(8).hex(), '/identity/v3/' + os.urandom(9).hex()][i % 5]
    c.request(['GET', 'PUT', 'DELETE', 'PROPFIND'][i % 4], path, headers={'X-Auth-Token': os.urandom(16).hex(), 'X-' + os.urandom(4).hex(): 'x'})
    r = c.getresponse(); r.read()
    if r.status >= 500: sys.exit(str(r.status) + ' ' + path)
`;
      assert.equal(await run([python, '-c', program], { timeoutMs: 60_000 }), '', `round ${round}`);
    };
    await junk(0);
    const before = rss();
    await junk(1);
    await junk(2);
    const after = rss();
    assert.ok(after < before + 40, `${before} MiB before, ${after} MiB after`);
    assert.ok((await world.member.get<{ networks: unknown[] }>('/networks')).networks.length > 0, 'and it answers');
  });
});
