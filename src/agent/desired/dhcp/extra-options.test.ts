// Options of tenants: what is taken, and that nothing else reaches a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostsText, namesText, optionsText } from '../../render/dnsmasq.ts';
import { judgeOptions } from './extra-options.ts';
import { planNetwork } from './plan.ts';
import { DHCP_PORT, dhcpPort, network, subnet4, subnet6, VM1, vm1, vm2 } from './samples.suite.ts';
import { readPort } from './wire.ts';

const settings = { dnsDomain: 'openstacklocal', enableIsolatedMetadata: false, forceMetadata: false };

function judged(...options: readonly (readonly [string, string, ((4 | 6) | undefined)?])[]) {
  const extra_dhcp_opts = options.map(([opt_name, opt_value, ip_version = 4]) => ({ opt_name, opt_value, ip_version }));
  const port = readPort(vm1({ extra_dhcp_opts }))?.value;
  assert.ok(port);
  return judgeOptions(port);
}

test('options that are taken, in the form of the file', () => {
  const taken: readonly (readonly [string, string, 4 | 6, string])[] = [
    ['bootfile-name', 'pxelinux.0', 4, 'option:bootfile-name,pxelinux.0'],
    ['67', 'boot\\x64\\wdsnbp.com', 4, '67,boot\\x64\\wdsnbp.com'],
    ['tag:ipxe,bootfile-name', 'http://192.0.2.1/boot.ipxe', 4, 'tag:ipxe,option:bootfile-name,http://192.0.2.1/boot.ipxe'],
    ['tag:!ipxe,tag:x,67', 'undionly.kpxe', 4, 'tag:!ipxe,tag:x,67,undionly.kpxe'],
    ['tag:ipxe6,59', 'http://[2001:db8::1]/b', 6, 'tag:ipxe6,option6:59,http://[2001:db8::1]/b'],
    ['server-ip-address', '192.0.2.7', 4, 'option:server-ip-address,192.0.2.7'],
    ['ntp-server', '192.0.2.1, 192.0.2.2', 4, 'option:ntp-server,192.0.2.1,192.0.2.2'],
    ['dns-server', '2001:DB8::1', 6, 'option6:dns-server,[2001:db8::1]'],
    ['MTU', '1400', 4, 'option:mtu,1400'],
    ['router', '', 4, 'option:router'],
    ['domain-search', 'a.example,b.example', 4, 'option:domain-search,a.example,b.example'],
    ['T1', '300s', 4, 'option:T1,300s'],
    ['classless-static-route', '10.0.0.0/8,10.50.0.9', 4, 'option:classless-static-route,10.0.0.0/8,10.50.0.9'],
    ['210', 'some text, with a comma # inside'.replace(' # ', '#'), 4, '210,some text, with a comma#inside'],
  ];
  for (const [name, value, family, line] of taken) {
    const { options, warnings } = judged([name, value, family]);
    assert.deepEqual(warnings, [], name);
    assert.equal(optionsText(options.map(o => ({ ...o, tags: o.tags }))), `${line}\n`, name);
  }
});

test('options that are left out, each with a reason', () => {
  const refused: readonly (readonly [string, string, (4 | 6)?])[] = [
    ['bootfile-name', 'a\ndhcp-option=3,6.6.6.6'],
    ['bootfile-name', 'a\rb'],
    ['bootfile-name', 'a\0b'],
    ['bootfile-name', 'a\u2028b'],
    ['bootfile-name', 'say "hi'],
    ['bootfile-name', 'x # comment'],
    ['bootfile-name', '# comment'],
    ['bootfile-name', ''],
    ['bootfile-name', 'x'.repeat(256)],
    ['bootfile-name\ndhcp-script=/bin/sh', 'x'],
    ['dhcp-script', '/bin/sh'],
    ['option:router', '10.0.0.1'],
    ['vendor:x,option', '10.0.0.1'],
    ['tag:a b,67', 'x'],
    ['tag:,67', 'x'],
    ['encap:175,190', 'x'],
    ['0', 'x'],
    ['53', '5'],
    ['54', '6.6.6.6'],
    ['51', '1'],
    ['256', 'x'],
    ['99999', 'x'],
    ['router', 'not-an-address'],
    ['router', '2001:db8::1'],
    ['dns-server', '10.0.0.1', 6],
    ['dns-server', '10.0.0.1,'],
    ['mtu', '1400;reboot'],
    ['mtu', '1e9'],
    ['domain-name', 'a b'],
    ['domain-name', '-x-.example'],
    ['classless-static-route', '10.0.0.0/8'],
    ['client-id', 'a,set:port-x'],
    ['61', 'a\nb'],
    ['2', 'x', 6],
    ['', 'x'],
  ];
  for (const [name, value, family] of refused) {
    const { options, clientId, warnings } = judged([name, value, family]);
    assert.deepEqual([options, clientId], [[], undefined], JSON.stringify([name, value]));
    assert.equal(warnings.length, 1, JSON.stringify([name, value]));
    assert.doesNotMatch(warnings[0] ?? '', /[\x00-\x1f\u2028]/);
  }
  // The control: the same way of asking takes a good one.
  assert.equal(judged(['bootfile-name', 'pxelinux.0']).options.length, 1);
});

test('a bad option costs its port nothing else, and other ports nothing at all', () => {
  const bad = {
    extra_dhcp_opts: [
      { opt_name: 'bootfile-name', opt_value: 'x\nevil', ip_version: 4 },
      { opt_name: 'tftp-server', opt_value: '192.0.2.9', ip_version: 4 },
    ],
  };
  const net = network([subnet4()], [vm1(bad), vm2(), dhcpPort(['10.50.0.2'])]);
  const port = net.ports.find(p => p.id === DHCP_PORT);
  assert.ok(port);
  const plan = planNetwork(net, port, settings);
  assert.match(optionsText(plan.options), new RegExp(`tag:port-${VM1},option:tftp-server,192.0.2.9`));
  assert.doesNotMatch(optionsText(plan.options), /evil/);
  assert.equal(plan.hosts.hosts.length, 2);
  assert.equal(plan.warnings.length, 1);
});

test('a client identifier stands in the hosts file, alone or beside other options', () => {
  const line = (extra_dhcp_opts: unknown) => {
    const net = network([subnet4()], [vm1({ extra_dhcp_opts }), dhcpPort(['10.50.0.2'])]);
    const port = net.ports.find(p => p.id === DHCP_PORT);
    return hostsText(planNetwork(net, port ?? assert.fail(), settings).hosts.hosts);
  };
  const client = { opt_name: 'client-id', opt_value: '01:02:03', ip_version: 4 };
  assert.equal(line([client]), 'fa:16:3e:56:49:45,id:01:02:03,host-10-50-0-227.openstacklocal.,10.50.0.227\n');
  const both = line([client, { opt_name: 'mtu', opt_value: '1300', ip_version: 4 }]);
  assert.equal(both, `fa:16:3e:56:49:45,id:01:02:03,host-10-50-0-227.openstacklocal.,10.50.0.227,set:port-${VM1}\n`);
});

test('options of a family that the port has no address of are not written', () => {
  const port = readPort(
    vm1({
      fixed_ips: [{ subnet_id: VM1, ip_address: '10.50.0.227' }],
      extra_dhcp_opts: [{ opt_name: 'dns-server', opt_value: '2001:db8::1', ip_version: 6 }],
    }),
  )?.value;
  assert.deepEqual(judgeOptions(port ?? assert.fail()).options, []);
});

test('whatever a server sends, files stay files of well-formed lines', () => {
  const junk = ['\n', '\0', '"', ',', '#', ' ', 'tag:', '\\', 'é', '[', ']', '\u2028', 'a', '0', '/', 'set:', 'option:'];
  let state = 42;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const word = (): string => Array.from({ length: random(6) }, () => junk[random(junk.length)]).join('');
  for (let round = 0; round < 300; round++) {
    const ports = [vm1, vm2].map(make =>
      make({
        mac_address: random(4) === 0 ? word() : 'fa:16:3e:56:49:45',
        dns_assignment: [{ ip_address: '10.50.0.227', hostname: word(), fqdn: word() }],
        fixed_ips: [{ subnet_id: subnet4()['id'], ip_address: random(4) === 0 ? word() : '10.50.0.227' }],
        extra_dhcp_opts: [{ opt_name: random(2) ? '67' : word(), opt_value: word(), ip_version: random(2) ? 4 : word() }],
      }),
    );
    const subnets = [
      subnet4({ dns_nameservers: [word()], host_routes: [{ destination: word(), nexthop: word() }], gateway_ip: word() }),
      subnet6(word()),
    ];
    const net = network(subnets, [...ports, dhcpPort(['10.50.0.2'])]);
    const own = net.ports.find(p => p.id === DHCP_PORT);
    const plan = planNetwork(net, own ?? assert.fail(), settings);
    for (const line of hostsText(plan.hosts.hosts).split('\n')) assert.match(line, /^(([0-9a-f]{2}:){5}[0-9a-f]{2},[\x21-\x7e]+)?$/);
    for (const line of namesText(plan.hosts.names).split('\n')) assert.match(line, /^([0-9a-f.:]+\t[A-Za-z0-9_.-]+ [A-Za-z0-9_.-]+)?$/);
    for (const line of optionsText(plan.options).split('\n')) assert.match(line, /^(tag:(subnet|port)-[0-9a-f-]{36},[\x20-\x7e]+)?$/);
  }
});
