import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ApiClient, ApiError, ApiUnreachable, type Credentials } from './api.ts';

const credentials = (auth_url: string): Credentials => ({
  auth_url,
  username: 'me',
  password: 'right',
  project_name: 'p',
  user_domain_name: 'Default',
  project_domain_name: 'Default',
});

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** A server with one network and short tokens: each serves `uses` requests. */
async function world(t: { after(f: () => void): void }, uses = 100) {
  let issued = 0;
  let left = 0;
  const server = createServer((request, reply) => {
    const answer = (status: number, body: object | undefined, headers = {}): void => {
      reply.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body && JSON.stringify(body));
    };
    void readBody(request).then(text => {
      if (request.url === '/identity/v3/auth/tokens') {
        if (!text.includes('"right"')) return answer(401, { error: { code: 401, title: 'Unauthorized', message: 'wrong password' } });
        left = uses;
        return answer(201, {}, { 'x-subject-token': `t${++issued}` });
      }
      if (request.headers['x-auth-token'] !== `t${issued}` || left-- <= 0)
        return answer(401, { error: { code: 401, title: 'Unauthorized' } });
      if (request.url === '/v2.0/networks/n1')
        return request.method === 'DELETE' ? answer(204, undefined) : answer(200, { network: { id: 'n1' } });
      return answer(404, { NeutronError: { type: 'NetworkNotFound', message: 'Network n2 could not be found.', detail: '' } });
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, issued: () => issued };
}

test('one log-in serves many requests, and an expired token is renewed unseen', async t => {
  const { url, issued } = await world(t, 2);
  const api = new ApiClient(`${url}/`, credentials(`${url}/identity/v3`));
  for (let i = 0; i < 4; i++) assert.deepEqual(await api.get('/networks/n1'), { network: { id: 'n1' } });
  assert.equal(issued(), 2);
  await api.delete('/networks/n1');
});

test("a refusal carries Neutron's status, type and message", async t => {
  const { url } = await world(t);
  const api = new ApiClient(url, credentials(`${url}/identity/v3`));
  await assert.rejects(
    api.get('/networks/n2'),
    (e: unknown) =>
      e instanceof ApiError && e.status === 404 && e.type === 'NetworkNotFound' && e.message === 'Network n2 could not be found.',
  );
});

test("a wrong password is Keystone's refusal, and the next request tries again", async t => {
  const { url } = await world(t);
  const api = new ApiClient(url, { ...credentials(`${url}/identity/v3`), password: 'wrong' });
  for (let i = 0; i < 2; i++) await assert.rejects(api.get('/networks/n1'), { status: 401, message: 'wrong password' });
});

test('nobody there', async () => {
  const api = new ApiClient('http://127.0.0.1:1', credentials('http://127.0.0.1:1/identity/v3'));
  await assert.rejects(
    api.get('/networks'),
    (e: unknown) => e instanceof ApiUnreachable && e.message.startsWith('no answer from http://127.0.0.1:1: '),
  );
});
