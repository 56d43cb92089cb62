// The edge of the server: proxies before it, pages of other origins, request ids, what bodies and connections may be.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { defaultCors } from '../../src/server/http/cors.ts';
import type { Body } from './client.ts';
import { type Harness, start } from './harness.ts';

const origin = 'https://console.example';

/** Sends bytes as they are, and answers all that comes back until the server is done or the time is over. */
function raw(url: string, bytes: string | readonly string[], ms = 4000): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise(resolve => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => {
      text += '(still open)';
      end();
    }, ms);
    socket.on('data', chunk => (text += chunk));
    socket.on('error', end);
    socket.on('close', end);
    for (const piece of typeof bytes === 'string' ? [bytes] : bytes) socket.write(piece);
  });
}

describe('the edge', () => {
  let plain: Harness;
  let proxied: Harness;

  before(async () => {
    plain = await start({ maxRequestBody: 100_000, clientSocketTimeout: 1 });
    proxied = await start({ proxy: { enabled: true, linkPrefix: '' }, cors: { ...defaultCors, allowedOrigin: [origin] } });
    for (const h of [plain, proxied]) await h.member.make('networks', 'network', { name: 'a b~*' });
  });
  after(async () => {
    await plain[Symbol.asyncDispose]();
    await proxied[Symbol.asyncDispose]();
  });

  const said = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'cloud.example', 'x-forwarded-prefix': '/net', forwarded: '' };
  const hrefs = async (h: Harness, path: string): Promise<string[]> => {
    const { body } = await h.member.request('GET', path, undefined, said);
    return [...JSON.stringify(body).matchAll(/"href":"([^"]+)"/g)].map(m => String(m[1]));
  };

  test('whatever is answered in JSON says so alike, with its length and the request id; what has no body has none', async () => {
    const { id } = await plain.member.make('networks', 'network', { name: 'Zürich' });
    const port = (await plain.member.make('ports', 'port', { network_id: id, name: 'Zürich' })).id;
    const asked: readonly (readonly [method: string, path: string, status: number])[] = [
      ['GET', `networks/${id}`, 200],
      ['GET', 'networks', 200],
      ['GET', `ports/${port}`, 200],
      ['GET', `ports/${port}`, 200],
      ['GET', 'ports', 200],
      ['GET', 'ports', 200],
      ['GET', 'ports?fields=name', 200],
      ['GET', 'nothing', 404],
      ['PATCH', 'networks', 405],
    ];
    for (const [method, path, status] of asked) {
      const answer = await fetch(`${plain.server.url}/v2.0/${path}`, { method, headers: { 'x-auth-token': 'member' } });
      const bytes = await answer.arrayBuffer();
      assert.equal(answer.status, status, path);
      assert.equal(answer.headers.get('content-type'), 'application/json', path);
      assert.equal(Number(answer.headers.get('content-length')), bytes.byteLength, path);
      assert.match(answer.headers.get('x-openstack-request-id') ?? '', /^req-[0-9a-f-]{36}$/, path);
      JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    }
    const gone = await plain.member.request('DELETE', `ports/${port}`);
    assert.deepEqual([gone.status, gone.headers.get('content-type'), gone.headers.get('content-length')], [204, null, null]);
    await plain.member.request('DELETE', `networks/${id}`);
  });

  test('behind a proxy every document leads back through it', async () => {
    const at = 'https://cloud.example/net';
    assert.deepEqual(await hrefs(proxied, '/'), [`${at}/v2.0/`]);
    assert.deepEqual(await hrefs(proxied, '/networking'), [`${at}/networking/v2.0/`]);
    for (const href of await hrefs(proxied, '/v2.0/')) assert.ok(href.startsWith(`${at}/v2.0/`), href);
    const [next, previous] = await hrefs(proxied, '/networking/v2.0/networks?limit=1&fields=name');
    assert.match(String(next), /^https:\/\/cloud\.example\/net\/networking\/v2\.0\/networks\?limit=1&fields=name&marker=[\da-f-]{36}$/);
    assert.match(String(previous), /&marker=[\da-f-]{36}&page_reverse=True$/);
  });

  test('where no proxy is trusted, only the scheme is believed', async () => {
    const at = plain.server.url.replace('http:', 'https:');
    assert.deepEqual(await hrefs(plain, '/'), [`${at}/v2.0/`]);
    assert.ok((await hrefs(plain, 'networks?limit=1'))[0]?.startsWith(`${at}/v2.0/networks?limit=1&marker=`));
  });

  test('links repeat the query as Neutron writes it', async () => {
    const [next] = await hrefs(plain, 'networks?name=a%20b~*&limit=1&page_reverse=');
    assert.match(String(next), /\?name=a\+b~%2A&limit=1&marker=[\da-f-]{36}$/);
  });

  test('OPTIONS asks for no token; only who is allowed hears that he is', async () => {
    const ask = { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'X-Auth-Token' };
    const preflight = async (
      h: Harness,
      headers: Record<string, string>,
      path = '/v2.0/networks',
    ): Promise<[number, string, string | null]> => {
      const answer = await fetch(`${h.server.url}${path}`, { method: 'OPTIONS', headers });
      return [answer.status, await answer.text(), answer.headers.get('access-control-allow-origin')];
    };
    for (const path of ['/', '/v2.0/networks', '/v2.0/networks/x', '/networking/v2.0/ports', '/identity/v3/auth/tokens'])
      assert.deepEqual(await preflight(proxied, ask, path), [200, '', origin], path);
    assert.deepEqual(await preflight(proxied, { ...ask, origin: 'https://evil.example' }), [200, '', null]);
    assert.deepEqual(await preflight(plain, ask), [200, '', null]);
  });

  test('answers of every kind tell an allowed page that it may read them', async () => {
    const allowed = async (h: Harness, method: string, path: string, token = 'member'): Promise<[number, string | null]> => {
      const answer = await fetch(`${h.server.url}${path}`, { method, headers: { origin, 'x-auth-token': token } });
      await answer.arrayBuffer();
      return [answer.status, answer.headers.get('access-control-allow-origin')];
    };
    assert.deepEqual(await allowed(proxied, 'GET', '/v2.0/networks'), [200, origin]);
    assert.deepEqual(await allowed(proxied, 'GET', '/v2.0/networks', 'junk'), [401, origin]);
    assert.deepEqual(await allowed(proxied, 'GET', '/v2.0/nonsense'), [404, origin]);
    assert.deepEqual(await allowed(proxied, 'GET', '/v2.0/%zz'), [400, origin]);
    assert.deepEqual(await allowed(plain, 'GET', '/v2.0/networks'), [200, null]);
  });

  test('every answer has a request id of its own; that of the client gets into the log where it is one', async () => {
    const lines: string[] = [];
    const own = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
    await using h = await start({}, own);
    const theirs = 'req-01234567-89ab-cdef-0123-456789abcdef';
    const ask = async (id: string): Promise<string> =>
      String(
        (await h.member.request('GET', 'networks', undefined, { 'x-openstack-request-id': id })).headers.get('x-openstack-request-id'),
      );
    const answered = await ask(theirs);
    assert.match(answered, /^req-[\da-f-]{36}$/);
    assert.notEqual(answered, theirs);
    assert.ok(
      lines.some(l => l.includes(answered) && l.includes(`global_request_id=${theirs}`)),
      lines.join(''),
    );
    for (const bogus of ['req-1', `${theirs}0`, `x${theirs}`, theirs.toUpperCase(), `${theirs} level=error`]) await ask(bogus);
    assert.equal(lines.filter(l => l.includes('global_request_id')).length, 1);
  });

  test('what is accepted must be JSON; what is sent must be too, whatever it says it is', async () => {
    const list = (accept: string) => plain.member.request('GET', 'networks', undefined, { accept });
    for (const accept of ['*/*', 'application/json', 'text/html, */*;q=0.1']) assert.equal((await list(accept)).status, 200, accept);
    for (const accept of ['text/html', 'application/xml']) {
      const { status, body } = await list(accept);
      assert.deepEqual([status, (body.NeutronError as Body).type], [406, 'HTTPNotAcceptable'], accept);
    }
    const network = '{"network":{"name":"typed"}}';
    const post = (body: string, type: string) => plain.member.request('POST', 'networks', body, { 'content-type': type });
    for (const type of ['text/plain', 'application/json; charset=latin1', 'application/x-www-form-urlencoded', 'nonsense', 'a/b/c'])
      assert.equal((await post(network, type)).status, 201, type);
    for (const body of ['a=b', '[]', 'null', `\u{FEFF}${network}`]) assert.equal((await post(body, 'application/json')).status, 400, body);
    assert.equal((await plain.member.request('PUT', `networks/${network}`, '[]')).status, 400);
  });

  test('a body has an end: what is announced too long, and what comes in pieces without announcing it', async () => {
    const long = `{"network":{"name":"${'x'.repeat(100_000)}"}}`;
    assert.deepEqual(await plain.member.refused('POST', 'networks', long), [413, 'HTTPRequestEntityTooLarge', 'Request is too large.']);
    const head =
      'POST /v2.0/networks HTTP/1.1\r\nHost: x\r\nX-Auth-Token: member\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    assert.match(await raw(plain.server.url, [head, chunk('{"network":{'), chunk('"name":"pieces"}}'), '0\r\n\r\n']), /^HTTP\/1\.1 201 /);
    assert.match(await raw(plain.server.url, [head, ...Array.from({ length: 60 }, () => chunk(' '.repeat(2000)))]), /^HTTP\/1\.1 413 /);
  });

  test('who takes his time for the head of a request is not waited for', async () => {
    const answer = await raw(plain.server.url, 'GET /v2.0/networks HTTP/1.1\r\nHost: x\r\nX-Slow: ', 8000);
    assert.ok(!answer.includes('(still open)'), answer);
    assert.match(answer, /^HTTP\/1\.1 408 /);
  });

  test('requests in one go are answered in order, and junk behind them ends the connection', async () => {
    const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const statuses = async (bytes: string): Promise<unknown[]> => {
      const answer = await raw(plain.server.url, bytes);
      assert.ok(!answer.includes('(still open)'), answer);
      return [...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(m => m[1]);
    };
    assert.deepEqual(await statuses(`${get('/')}${get('/v2.0/nonsense')}${get('/', 'Connection: close\r\n')}`), ['200', '401', '200']);
    assert.deepEqual((await statuses(`${get('/')}\r\n\x01junk\r\n\r\n`)).at(-1), '400');
    const both =
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v2.0/ HTTP/1.1\r\n\r\n';
    assert.deepEqual(await statuses(both), ['400']);
  });

  test('a URL may be whole, as proxies are sent it: where it leads to counts, and nothing else of it', async () => {
    const get = (target: string): Promise<string> =>
      raw(plain.server.url, `GET ${target} HTTP/1.1\r\nHost: here\r\nX-Auth-Token: member\r\nConnection: close\r\n\r\n`);
    assert.match(await get('http://there/v2.0/'), /^HTTP\/1\.1 200 .*"href":"http:\/\/here\/v2\.0\/networks"/s);
    assert.match(await get('http://there'), /^HTTP\/1\.1 200 .*"href":"http:\/\/here\/v2\.0\/"/s);
    assert.match(await get('http://there?x=/v2.0/networks'), /^HTTP\/1\.1 200 .*"versions"/s);
    assert.match(await get('http://there/v2.0/networks?limit=1'), /^HTTP\/1\.1 200 .*"networks"/s);
    assert.match(await get('ftp://there/v2.0/networks'), /^HTTP\/1\.1 404 /);
  });

  test('whoever spreads the load finds out that the server serves', async () => {
    const answer = await fetch(`${plain.server.url}/healthcheck`);
    assert.deepEqual([answer.status, await answer.text()], [200, 'OK']);
    assert.equal((await fetch(`${plain.server.url}/healthcheck`, { method: 'HEAD' })).status, 204);
  });

  test('what is sent with a tag does not matter', async () => {
    const net = await plain.admin.make('networks', 'network', {});
    for (const body of ['"{}"', '[]', 'junk'])
      assert.equal((await plain.admin.request('PUT', `networks/${net.id}/tags/red`, body)).status, 201);
    assert.equal((await plain.admin.request('PUT', `networks/${net.id}/tags`, '"{}"')).status, 400);
  });
});
