// What a newcomer types: the demonstration, published ports, plugs, logs and status, each through the command line.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/main/sandbox/run.ts';
import { noSandbox } from './need.ts';
import { type Made, WeftWorld } from './weft-world.ts';

describe('a tour by the command line', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  before(async () => {
    world = await WeftWorld.open({ hosts: 2 });
  });
  after(() => world[Symbol.asyncDispose]());

  const everything = async (): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const kind of ['networks', 'subnets', 'ports', 'routers', 'floatingips']) {
      const answer = await world.admin.get<Record<string, Made[]>>(`/${kind}?fields=id`);
      counts[kind] = answer[kind]?.length ?? -1;
    }
    const { security_groups } = await world.admin.get<{ security_groups: { name: string }[] }>('/security-groups?fields=name');
    return { ...counts, groups: security_groups.filter(group => group.name !== 'default').length };
  };

  test('weft demo shows all it promises, and leaves nothing', async () => {
    const before = await everything();
    const done = await world.weft(['demo']);
    assert.equal(done.code, 0, done.stdout + done.stderr);
    for (const words of [
      /on h1 with 10\.0\.0\.10\/24 and fd00:10::/,
      /on h2 with 10\.0\.0\.11\/24/,
      /bytes from fd00:10::/,
      /10\.0\.0\.10\/\n +the web server of the project weft/,
      /10\.0\.0\.10\/\n +the web server of the project other/,
      /public exec -- curl.*172\.24\.4\.\d+\/\n +the web server of the project weft/,
      /127\.0\.0\.1:81\/\n +nobody should read this\n.*\n +curl: \(28\) Connection timed out/,
    ])
      assert.match(done.stdout, words);
    assert.deepEqual(await everything(), before);
    assert.deepEqual(await world.instances(), []);
  });

  test('a floating IP answers on a published loopback port; one that is taken is refused in words', async t => {
    const network = await world.create(world.member, 'network', { name: 'tour' });
    const subnet = await world.create(world.member, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.7.0.0/24' });
    const { networks } = await world.member.get<{ networks: Made[] }>('/networks?router:external=true');
    const gateway = { network_id: networks[0]?.id };
    const router = await world.create(world.member, 'router', { name: 'tour', external_gateway_info: gateway });
    await world.member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const group = await world.create(world.member, 'security-group', { name: 'tour' });
    const http = { direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 80, ethertype: 'IPv4' };
    await world.create(world.member, 'security-group-rule', { security_group_id: group.id, ...http });
    const web = await world.instance({ name: 'web', network: network.id, security_groups: [group.id], host: 'h1' });
    const floating = await world.create(world.member, 'floatingip', { floating_network_id: gateway.network_id, port_id: web.port });
    const serve = "require('node:http').createServer((q, r) => r.end('hello from web')).listen(80)";
    const job = world.spawn(web, [process.execPath, '-e', serve]);
    t.after(() => job.kill());

    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise(resolve => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const to = `${port}=${floating['floating_ip_address']}:80`;
    const refused = await world.weft(['public', 'publish', to]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`cannot publish on 127\\.0\\.0\\.1:${port}: `));
    await new Promise(resolve => taken.close(resolve));

    assert.equal((await world.weft(['public', 'publish', to])).code, 0);
    assert.match((await world.weft(['status'])).stdout, new RegExp(`published 127\\.0\\.0\\.1:${port} → 172\\.24\\.4\\.\\d+:80`));
    await world.until(
      'the page is there',
      async () => spawnSync('curl', ['-sf', '--noproxy', '*', `http://127.0.0.1:${port}/`]).stdout.toString() === 'hello from web',
    );
    const through = await world.weft(['public', 'exec'], ['--', 'curl', '-sf', `http://${floating['floating_ip_address']}/`]);
    assert.equal(through.stdout, 'hello from web');
    // The control: by the machine's own routes it is not reached.
    const direct = spawnSync('curl', ['-s', '--noproxy', '*', '--max-time', '1', `http://${floating['floating_ip_address']}/`]);
    assert.notEqual(direct.stdout.toString(), 'hello from web');
  });

  test('commands in an instance have its hostname, its network and their own exit status', async () => {
    const inside = (...command: string[]) => world.weft(['instance', 'exec', 'web'], ['--', ...command]);
    assert.equal((await inside('hostname')).stdout, 'web\n');
    assert.match((await inside('ip', '-br', 'address')).stdout, /eth0@\S+ +UP +10\.7\.0\./);
    assert.match((await inside('cat', '/etc/resolv.conf')).stdout, /^search openstacklocal\nnameserver 10\.7\.0\./);
    assert.equal((await inside('sh', '-c', 'exit 7')).code, 7);
    assert.equal((await world.weft(['instance', 'exec', 'nobody'], ['--', 'true'])).code, 1);
  });

  test('weft plug gives a namespace that exists already a port, with its MAC', async () => {
    const { networks } = await world.member.get<{ networks: Made[] }>('/networks?name=tour');
    const port = await world.create(world.member, 'port', { network_id: networks[0]?.id, name: 'plugged' });
    for (const [argv, words] of [
      [['--netns', 'lab'], 'h2 has no namespace lab'],
      [['--tap', 'nothing0'], 'h2 has no device nothing0'],
    ] as const)
      assert.match((await world.weft(['plug', 'plugged', '--host', 'h2'], argv)).stderr, new RegExp(words));
    const { port: free } = await world.admin.get<{ port: Made }>(`/ports/${port.id}`);
    assert.deepEqual([free['binding:host_id'], free['device_owner'], free['status']], ['', '', 'DOWN'], 'a wrong name binds nothing');
    await world.host('h2', 'ip', 'netns', 'add', 'lab');
    const done = await world.weft(['plug', 'plugged'], ['--netns', 'lab', '--host', 'h2']);
    assert.equal(done.stdout, `port ${port.id} is plugged on h2 as tap${port.id.slice(0, 11)}\n`, done.stderr);
    await world.until(
      'the port is ACTIVE',
      async () => (await world.admin.get<{ port: Made }>(`/ports/${port.id}`)).port['status'] === 'ACTIVE',
    );
    assert.match(await world.host('h2', 'ip', '-n', 'lab', 'link', 'show', 'eth0'), new RegExp(String(port['mac_address'])));
    const again = await world.weft(['plug', 'plugged'], ['--netns', 'lab', '--host', 'h1']);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is bound to h2 already/);
    await world.host('h2', 'ip', 'netns', 'add', 'lab2');
    const twice = await world.weft(['plug', 'plugged'], ['--netns', 'lab2', '--host', 'h2']);
    assert.match(twice.stderr, /h2 has a device tap\S+ already/);
    assert.match(await world.host('h2', 'ip', '-n', 'lab', 'link', 'show', 'eth0'), /UP/, 'and what was plugged stays');
  });

  test('wrong words about instances are refused, and make nothing', async () => {
    const { ports } = await everything();
    for (const [argv, words] of [
      [['instance', 'create', 'x', '--network', 'nowhere'], /no network nowhere/],
      [['instance', 'create', 'x_y', '--network', 'tour'], /cannot be a host name/],
      [['instance', 'create', 'web', '--network', 'tour'], /there is an instance web already/],
      [['instance', 'create', 'x', '--network', 'tour', '--host', 'h9'], /no host h9; there is h1, h2/],
      [['instance', 'create', 'x', '--network', 'tour', '--security-group', 'none'], /no security_group none/],
      [['instance', 'delete', 'nobody'], /no instance nobody/],
      [['public', 'publish', '80'], /such as 8080=/],
      [['plug', 'plugged', '--host', 'h2', '--netns', '../../etc'], /not a name of a namespace/],
    ] as const) {
      const done = await world.weft(argv);
      assert.equal(done.code, 1, argv.join(' '));
      assert.match(done.stderr, words);
    }
    assert.equal((await everything())['ports'], ports);
  });

  test('logs of one agent, of one level, of one request', async () => {
    const all = (await world.weft(['logs'], ['-n', '100000'])).stdout.trim().split('\n');
    const times = all.map(line => line.slice(0, 24));
    assert.deepEqual(times, [...times].sort(), 'in the order of time');
    const request = /\[(req-[0-9a-f-]{36})\] POST \/v2\.0\/networks 201/.exec(all.join('\n'))?.[1] ?? '';
    const one = (await world.weft(['logs'], ['--request', request])).stdout.trim().split('\n');
    assert.ok(one.length >= 1 && one.every(line => line.includes(`[${request}]`)));
    const agent = (await world.weft(['logs', 'h1-l3-agent'])).stdout;
    assert.match(agent, /^\S+ INFO h1-l3-agent /);
    assert.doesNotMatch(agent, / h2-| server /);
    const errors = (await world.weft(['logs'], ['--level', 'error'])).stdout;
    assert.doesNotMatch(errors, / (INFO|WARNING|DEBUG) /);
    // No password of clouds.yaml has found its way into a log.
    const passwords = (await run(['grep', '-oP', '(?<=password: ")[^"]+', world.cloudsYaml])).trim().split('\n');
    assert.equal(passwords.length, 3);
    for (const password of passwords) assert.ok(!all.some(line => line.includes(password)));
  });
});
