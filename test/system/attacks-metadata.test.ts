// The metadata service against those who ask for what is another's, and against those who only want to keep it busy (OSSA-2013-033).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Actor, AttackWorld, python } from './attack-world.ts';
import { noSandbox } from './need.ts';

const secret = 'the-password-is-swordfish';
const service = '169.254.169.254';

/** Sends bytes over one connection, and prints what comes back until it closes or a second passes without more. */
const talk = `
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
s.sendall(sys.argv[3].encode('latin-1').decode('unicode_escape').encode('latin-1'))
s.settimeout(1.5)
try:
    while True:
        got = s.recv(65536)
        if not got: break
        sys.stdout.write(got.decode('latin-1'))
except OSError:
    pass
`;

/** Opens as many connections as are let, says half a request on each, and holds them. */
const slow = `
import socket, sys, time
open, refused = [], 0
for i in range(int(sys.argv[2])):
    try:
        s = socket.create_connection((sys.argv[1], 80), timeout=2)
        s.sendall(b'GET /latest/meta-data/ HTTP/1.1\\r\\nHost: x\\r\\nX-Slow: ')
        open.append(s)
    except OSError:
        refused += 1
print('holds', len(open), 'refused', refused, flush=True)
time.sleep(30)
`;

describe('attacks on the metadata service', { skip: noSandbox() }, () => {
  let stage: AttackWorld;
  let mallory: Actor;
  let victim: Actor;
  let double: Actor;

  before(async () => {
    stage = await AttackWorld.open(1);
    const port = await stage.port(stage.shared, 'weft', { name: 'victim', security_groups: [stage.any.weft.id] });
    const [vm, other] = await Promise.all([
      stage.world.instance({ name: 'victim', port: port.id, host: 'h1', user_data: secret }),
      stage.actor('mallory', { project: 'other' }),
    ]);
    victim = { vm, mac: vm.view.mac_address, v4: vm.v4, v6: vm.v6, ll: '' };
    mallory = other;
    double = await stage.double('double', [victim.v4]);
  });
  after(() => stage[Symbol.asyncDispose]());

  const curl = async (who: Actor, path: string, ...more: string[]): Promise<{ status: number; body: string }> => {
    const argv = ['curl', '-s', '--path-as-is', '-m', '5', '-w', '\n%{http_code}', ...more, `http://${service}${path}`];
    const { stdout } = await stage.world.attempt(who.vm, ...argv);
    const at = stdout.lastIndexOf('\n');
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, at) };
  };
  const idOf = (who: Actor): string => who.vm.view.id;
  const says = async (who: Actor, bytesToSend: string): Promise<string> =>
    (await stage.world.attempt(who.vm, python, '-c', talk, service, '80', bytesToSend)).stdout;

  test('everyone is told who he is, and the owner alone hears his secrets', async () => {
    assert.deepEqual(await curl(victim, '/latest/user-data'), { status: 200, body: secret });
    for (const who of [victim, mallory, double])
      assert.deepEqual(await curl(who, '/latest/meta-data/instance-id'), { status: 200, body: idOf(who) }, who.vm.name);
    for (const who of [mallory, double]) assert.equal((await curl(who, '/latest/user-data')).status, 404);
  });

  test('OSSA-2013-033: no header makes anybody somebody else', async () => {
    const { world } = stage;
    const headers = [
      `X-Forwarded-For: ${victim.v4}`,
      `X-Forwarded-For: ${victim.v4}, ${victim.v4}`,
      `x-forwarded-for:${victim.v4}`,
      `Forwarded: for=${victim.v4}`,
      `X-Real-IP: ${victim.v4}`,
      'X-Forwarded-For: \t',
      `X-Neutron-Network-ID: ${stage.shared.id}`,
      `X-Neutron-Network-ID: ${stage.twin.id}`,
      `X-Neutron-Router-ID: ${stage.router.id}`,
      `X-OVN-Network-ID: ${stage.shared.id}`,
      `X-Instance-ID: ${idOf(victim)}`,
      `X-Instance-ID-Signature: ${'0'.repeat(64)}`,
      `X-Tenant-ID: ${stage.projects.weft}`,
      `X-Metadata-Provider: ${stage.shared.id}`,
      'Connection: close, X-Forwarded-For, X-Neutron-Router-ID, X-Neutron-Network-ID',
      `Host: ${victim.v4}`,
    ];
    for (const who of [mallory, double]) {
      const { body } = await curl(who, '/openstack/latest/meta_data.json', ...headers.flatMap(h => ['-H', h]));
      assert.equal((JSON.parse(body) as { uuid: string }).uuid, idOf(who), 'all of them at once');
    }
    const [first = '', ...rest] = headers;
    for (const header of [first, ...rest]) {
      const { body } = await curl(mallory, '/latest/meta-data/instance-id', '-H', header);
      assert.equal(body, idOf(mallory), header);
    }
    await world.inside(mallory.vm, 'ip', 'address', 'add', `${victim.v4}/32`, 'dev', 'eth0');
    const spoofed = await curl(mallory, '/latest/user-data', '--interface', victim.v4, '-m', '2');
    assert.deepEqual(spoofed, { status: 0, body: '' }, "from the victim's address nothing comes back");
    await world.inside(mallory.vm, 'ip', 'address', 'delete', `${victim.v4}/32`, 'dev', 'eth0');
    assert.equal((await curl(mallory, '/latest/meta-data/instance-id')).body, idOf(mallory));
  });

  test('no second request hides in the first', async () => {
    const smuggled = `GET /latest/user-data HTTP/1.1\\r\\nHost: x\\r\\nX-Forwarded-For: ${victim.v4}\\r\\n\\r\\n`;
    const get = 'GET /latest/meta-data/instance-id HTTP/1.1\\r\\nHost: x\\r\\n';
    const forged = `X-Forwarded-For: ${victim.v4}`;
    const tries = [
      `${get}\\r\\n${smuggled}`,
      `${get}Content-Length: 3\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n${smuggled}`,
      `${get}Transfer-Encoding: chunked\\r\\nContent-Length: 200\\r\\n\\r\\n0\\r\\n\\r\\n${smuggled}`,
      `${get}Transfer-Encoding: xchunked\\r\\n\\r\\n0\\r\\n\\r\\n${smuggled}`,
      `${get}Transfer-Encoding: chunked\\r\\nTransfer-Encoding: identity\\r\\n\\r\\n0\\r\\n\\r\\n${smuggled}`,
      `${get}Content-Length: 0\\r\\nContent-Length: 90\\r\\n\\r\\n${smuggled}`,
      `${get}X-A: b\\r\\n ${forged}\\r\\n\\r\\n`,
      `${get}X-A: b\\n${forged}\\n\\n`,
      `${get}X-A: b\\r${forged}\\r\\n\\r\\n`,
      `${get}${forged}\\x00\\r\\n\\r\\n`,
      `${get}X-Forwarded-For : ${victim.v4}\\r\\n\\r\\n`,
      `${get} ${forged}\\r\\n\\r\\n`,
      `GET http://${victim.v4}/latest/user-data HTTP/1.1\\r\\nHost: ${victim.v4}\\r\\n\\r\\n`,
      `GET /latest/user-data HTTP/0.9\\r\\n\\r\\n`,
      `GET /latest/user-data\\r\\n\\r\\n`,
      `CONNECT ${victim.v4}:80 HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n`,
      `PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n`,
      `PROXY TCP4 ${victim.v4} ${service} 1 80\\r\\n${get}\\r\\n`,
      `${get}Upgrade: h2c\\r\\nConnection: Upgrade, HTTP2-Settings\\r\\nHTTP2-Settings: AAMAAABkAAQAAP__\\r\\n\\r\\n`,
    ];
    const heard = await Promise.all(tries.map(t => says(mallory, t)));
    for (const [i, answer] of heard.entries()) {
      assert.ok(!answer.includes(secret) && !answer.includes(idOf(victim)), `${tries[i]}: ${answer}`);
      assert.doesNotMatch(answer, /^HTTP\/1\.[01] 5/m, tries[i]);
    }
    assert.match(await says(mallory, `${get}Connection: close\\r\\n\\r\\n`), new RegExp(idOf(mallory)));
    assert.deepEqual(await curl(victim, '/latest/user-data'), { status: 200, body: secret });
  });

  test('paths lead nowhere but down the tree', async () => {
    const paths = [
      '//latest//user-data',
      '/latest/../latest/user-data',
      '/latest/%2e%2e/%2e%2e/etc/passwd',
      '/openstack/latest/../../../../etc/passwd',
      '/..%2f..%2f..%2fetc/passwd',
      '/latest/meta-data/%00',
      '/latest/meta-data/instance-id%0d%0aX-Forwarded-For:%20x',
      '/latest/meta-data/__proto__',
      '/latest/meta-data/constructor/name',
      '/openstack/latest/toString',
      '/openstack/__proto__/meta_data.json',
      '/%',
      '/%ff%fe',
      `/latest/user-data?x=${'y'.repeat(4000)}`,
      `/${'a/'.repeat(3000)}`,
      `/latest/meta-data/instance-id?instance_id=${idOf(victim)}`,
    ];
    for (const path of paths) {
      const { status, body } = await curl(mallory, path);
      assert.ok(status === 200 || (status >= 400 && status < 500), `${path}: ${status}`);
      if (status === 200) assert.ok([idOf(mallory)].includes(body), `${path}: ${body}`);
      assert.ok(!body.includes(secret) && !body.includes('root:'), path);
    }
    assert.equal((await curl(mallory, '//latest//meta-data/instance-id')).body, idOf(mallory), 'what is a path is read as one');
  });

  test('what is too big is refused, and the next one is served', async () => {
    const big = await curl(mallory, '/latest/meta-data/', '-H', `X-Big: ${'b'.repeat(60_000)}`);
    assert.ok(big.status >= 400 && big.status < 500, `a header of 60 kB: ${big.status}`);
    const many = await curl(mallory, '/latest/meta-data/', ...Array.from({ length: 500 }, (_, i) => ['-H', `X-${i}: v`]).flat());
    assert.ok(many.status >= 400 && many.status < 500, `500 headers: ${many.status}`);
    const posted = await stage.world.attempt(
      mallory.vm,
      ...[
        'sh',
        '-c',
        `head -c 3000000 /dev/zero | curl -s -m 5 -o /dev/null -w '%{http_code}' -X POST --data-binary @- http://${service}/x`,
      ],
    );
    // Whoever is still sending when he is refused may see the end of the connection, and not the word.
    assert.match(posted.stdout, /^(413|100|000)$/, 'three megabytes');
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])
      assert.match(String((await curl(mallory, '/latest/meta-data/', '-X', method)).status), /^(405|404|501|400)$/, method);
    assert.equal((await curl(mallory, '/latest/meta-data/instance-id')).body, idOf(mallory));
  });

  test('a client that holds every connection it gets leaves enough for its neighbours', async () => {
    const hog = stage.world.spawn(mallory.vm, [python, '-c', slow, service, '1200']);
    await stage.world.until('the connections are held', () => hog.output().includes('holds'), 30_000);
    for (let i = 0; i < 3; i++) assert.deepEqual(await curl(victim, '/latest/user-data', '-m', '3'), { status: 200, body: secret });
    hog.kill();
    await stage.world.until(
      'and she is served again',
      async () => (await curl(mallory, '/latest/meta-data/instance-id')).body === idOf(mallory),
    );
  });

  test('the proxies answer on their own address alone, and to nobody from outside', async () => {
    const direct = async (address: string): Promise<string> => {
      const argv = ['curl', '-s', '-m', '2', '-o', '/dev/null', '-w', '%{http_code}', `http://${address}/latest/meta-data/`];
      return (await stage.world.attempt(mallory.vm, ...argv)).stdout;
    };
    assert.equal(await direct(service), '200');
    const elsewhere = [`${stage.gateway.v4}:9697`, `${stage.gateway.v4}:80`, '172.24.4.1:9697', '198.18.0.1:80', '198.18.0.1:9697'];
    for (const [i, status] of (await Promise.all(elsewhere.map(direct))).entries()) assert.equal(status, '000', elsewhere[i]);
    const router = await stage.world.admin.get<{ router: { external_gateway_info: { external_fixed_ips: { ip_address: string }[] } } }>(
      `/routers/${stage.router.id}`,
    );
    const outer = router.router.external_gateway_info.external_fixed_ips.map(f => f.ip_address).find(a => a.includes('.')) ?? '';
    assert.equal((await stage.world.public('ping', '-n', '-c1', '-W2', outer)).code, 0, 'the router is there');
    for (const port of [9697, 80]) {
      const { stdout } = await stage.world.public(
        'curl',
        '-s',
        '-m',
        '2',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        `http://${outer}:${port}/`,
      );
      assert.equal(stdout, '000', `from outside, port ${port}`);
    }
  });
});
