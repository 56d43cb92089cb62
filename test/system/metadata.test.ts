// Metadata as an instance on a network without a router fetches it: through the DHCP namespace, with curl.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NET, networkDict, subnet4, subnet6, VM1, VM2, vm1, vm2 } from '../../src/agent/desired/dhcp/samples.suite.ts';
import type { SimNetwork } from '../../src/agent/dhcp/sim-server.suite.ts';
import { DhcpWorld } from './dhcp-world.ts';
import { noSandbox } from './need.ts';

const BASE = 'http://169.254.169.254';
const BASE6 = 'http://[fe80::a9fe:a9fe%25eth0]';

describe('metadata without a router', { skip: noSandbox() }, () => {
  let world: DhcpWorld;
  before(async () => {
    world = await DhcpWorld.open();
    world.server.add(networkDict([subnet4(), subnet6('slaac')], [vm1(), vm2()]) as SimNetwork);
    const known = (n: number) => ({
      instance_id: `instance-${n}`,
      name: `vm${n}`,
      hostname: `vm${n}`,
      user_data: null,
      public_keys: {},
      meta: {},
    });
    world.instances.set(VM1, { ...known(1), user_data: '#cloud-config\n{}\n', public_keys: { k: 'ssh-rsa AAAA' } });
    world.instances.set(VM2, known(2));
    await world.client('c1', 'br-a', 'fa:16:3e:56:49:45');
    await world.client('c2', 'br-a', 'fa:16:3e:1c:e4:0d');
    await world.start();
    await world.plug(NET, 'br-a');
    for (const c of ['c1', 'c2']) assert.ok(await world.lease4(c), world.log());
  });
  after(() => world?.[Symbol.asyncDispose]());

  /** Status and body. */
  async function fetch(ns: string, url: string, ...options: string[]): Promise<readonly [number, string]> {
    const done = await world.attempt(ns, 'curl', '-g', '-s', '-m', '10', '-w', '\n%{http_code}', ...options, url);
    const lines = done.stdout.split('\n');
    return [Number(lines.pop()), lines.join('\n')];
  }
  const id = (ns: string, ...options: string[]) => fetch(ns, `${BASE}/latest/meta-data/instance-id`, ...options);

  test('each instance gets its own, over IPv4 and over IPv6', async () => {
    assert.deepEqual(await id('c1'), [200, 'instance-1']);
    assert.deepEqual(await id('c2'), [200, 'instance-2']);
    assert.deepEqual(await fetch('c1', `${BASE6}/latest/meta-data/instance-id`), [200, 'instance-1']);
    assert.deepEqual(await fetch('c2', `${BASE6}/latest/meta-data/instance-id`), [200, 'instance-2']);
    assert.deepEqual(await fetch('c1', `${BASE}/latest/user-data`), [200, '#cloud-config\n{}\n']);
    assert.equal((await fetch('c2', `${BASE}/latest/user-data`))[0], 404);
    const [, text] = await fetch('c1', `${BASE}/openstack/latest/meta_data.json`);
    assert.equal((JSON.parse(text) as { uuid: string }).uuid, 'instance-1');
  });

  test('headers that a client makes up are of no use', async () => {
    const other = '10.50.0.92';
    const forged = [
      ['-H', `X-Forwarded-For: ${other}`],
      ['-H', `X-Forwarded-For: ${other}`, '-H', `x-forwarded-for: ${other}`],
      ['-H', `X-Neutron-Network-ID: e6a99dde-0a55-4b6d-8605-02e72a1e8b06`],
      ['-H', `X-Neutron-Router-ID: 50783727-bd14-4db7-81ea-513e4246f7c4`],
      [
        '-H',
        `X-Neutron-Router-ID: 50783727-bd14-4db7-81ea-513e4246f7c4`,
        '-H',
        `X-Neutron-Network-ID: ${NET}`,
        '-H',
        `X-Forwarded-For: ${other}`,
      ],
      ['-H', 'X-Instance-ID: instance-2', '-H', 'X-Tenant-ID: x'],
      ['-H', `X_Forwarded_For: ${other}`],
      ['--haproxy-protocol'],
    ];
    for (const headers of forged.slice(0, -1)) assert.deepEqual(await id('c1', ...headers), [200, 'instance-1'], headers.join(' '));
    assert.notEqual((await id('c1', ...(forged.at(-1) ?? [])))[1], 'instance-2');
    assert.deepEqual(await fetch('c1', `${BASE6}/latest/meta-data/instance-id`, '-H', `X-Forwarded-For: ${other}`), [200, 'instance-1']);
  });

  test('an address that no port has gets nothing', async () => {
    await world.client('c9', 'br-a', 'fa:16:3e:99:99:99');
    await world.host('ip', '-n', 'c9', 'addr', 'add', '10.50.0.200/24', 'dev', 'eth0');
    await world.host('ip', '-n', 'c9', 'route', 'add', '169.254.169.254', 'via', '10.50.0.2');
    assert.equal((await id('c9'))[0], 404);
    assert.equal((await fetch('c9', `${BASE6}/latest/meta-data/instance-id`))[0], 404);
  });

  test('the agent killed with -9: refused while it is away, answered by the next, through the same proxy', async () => {
    const proxy = world.pidOf(NET, 'haproxy');
    world.kill();
    // A connection that it had taken and did not live to answer is told as 502.
    await world.until('nobody is there', async () => (await id('c1'))[0] === 503, 10_000);
    await world.start();
    assert.deepEqual(await id('c1'), [200, 'instance-1']);
    assert.equal(world.pidOf(NET, 'haproxy'), proxy);
  });

  test('a proxy killed with -9 comes back', async () => {
    const proxy = world.pidOf(NET, 'haproxy');
    await world.host('kill', '-9', String(proxy));
    await world.until('another one runs', async () => ![0, proxy].includes(world.pidOf(NET, 'haproxy')), 10_000);
    await world.until('it answers', async () => (await id('c1'))[1] === 'instance-1');
  });

  test('a router on the subnet: the proxy of the DHCP namespace ends, and the route goes by the gateway', async () => {
    const router = vm1({
      id: VM1.replace('fc6d', 'aaaa'),
      mac_address: 'fa:16:3e:00:00:01',
      device_owner: 'network:router_interface',
      fixed_ips: [
        { subnet_id: subnet4()['id'], ip_address: '10.50.0.1' },
        { subnet_id: subnet6('slaac')['id'], ip_address: '2001:db8:50::1' },
      ],
    });
    world.server.networks.get(NET)?.ports.push(router as SimNetwork['ports'][number]);
    await world.notify('port_create_end', { port: router as SimNetwork['ports'][number], priority: 6 });
    await world.until('the proxy is gone', async () => world.pidOf(NET, 'haproxy') === 0);
    assert.match((await world.lease4('c1'))?.get('staticroutes') ?? '', /169\.254\.169\.254\/32 10\.50\.0\.1\b/);
  });
});
