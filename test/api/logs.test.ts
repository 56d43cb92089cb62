// The log of a server where oslo.log's options have it: one file for all processes, its forms, its rotation, and nothing in it that is secret.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from './harness.ts';
import { once, type Service, startService } from './service.ts';

const global = 'req-00000000-1111-4222-8333-444444444444';

for (const form of ['text', 'json'] as const)
  describe(`a log in ${form}`, () => {
    let folder: string;
    let service: Service;
    let token: string;
    const file = (): string => join(folder, 'neutron-server.log');
    const lines = (path = file()): string[] => readFileSync(path, 'utf8').trimEnd().split('\n');
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'weft-log-'));
      service = await startService(`api_workers = 2\nrpc_workers = 1\ndebug = true\nlog_dir = ${folder}\nuse_json = ${form === 'json'}`);
      token = await service.token();
    });
    after(async () => {
      await service[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test('every process writes whole lines to the one file, in the form of oslo.log', () => {
      const names = new Set<string>();
      for (const line of lines()) {
        const text = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ (?:DEBUG|INFO|WARNING|ERROR) (\S+) \[[^\]]+\] \S/.exec(line)?.[1];
        const name = form === 'json' ? (JSON.parse(line).name as string) : text;
        assert.ok(name, line);
        names.add(name);
      }
      for (const name of ['server', 'server-api-1', 'server-api-2', 'server-rpc-1', 'server-reports-1']) assert.ok(names.has(name), name);
    });

    test('a request is known by its ids and by who sent it', async () => {
      const { headers } = await once(`${service.url}/v2.0/networks`, { token, headers: { 'x-openstack-request-id': global } });
      const id = String(headers['x-openstack-request-id']);
      const line = await until('its line', async () => lines().find(l => l.includes(id) && l.includes('GET /v2.0/networks 200')));
      if (form === 'json') {
        const { context, extra } = JSON.parse(line);
        assert.deepEqual([context.request_id, context.global_request_id], [id, global]);
        assert.match(context.user_id, /^[\da-f]{32}$/);
        assert.equal(typeof extra.ms, 'number');
      } else assert.match(line, new RegExp(`\\[${global} ${id} [\\da-f]{32} [\\da-f]{32} - - - -\\] GET /v2.0/networks 200 `));
    });

    test('no token and no password is in it, wherever they stood in a request', async () => {
      const secret = 'hunter2-hunter2';
      const fernet = `gAAAAAB${'k'.repeat(60)}`;
      const ask = async (path: string, more: Parameters<typeof once>[1]): Promise<string> =>
        String((await once(`${service.url}${path}`, more)).headers['x-openstack-request-id']);
      const ids = [
        await ask(`/v2.0/networks?name=${token}&password=${secret}`, { token }),
        await ask(`/v2.0/networks/${token}`, { token }),
        await ask(`/v2.0/networks/${fernet}`, { token: fernet }),
        await ask('/v2.0/networks', { token, method: 'POST', body: { network: { name: token, description: secret, password: secret } } }),
        await ask('/v2.0/networks', { token, headers: { authorization: `Bearer ${secret}`, cookie: secret } }),
        await ask('/identity/v3/auth/tokens', { method: 'DELETE', token, headers: { 'x-subject-token': fernet } }),
      ];
      const auth = {
        identity: { methods: ['password'], password: { user: { name: 'admin', password: secret, domain: { id: 'default' } } } },
      };
      assert.equal((await once(`${service.url}/identity/v3/auth/tokens`, { method: 'POST', body: { auth } })).status, 401);
      for (const id of ids.slice(0, -1)) await until(`the line of ${id}`, async () => lines().some(line => line.includes(id)));
      for (const line of lines()) for (const what of [token, secret, fernet]) assert.ok(!line.includes(what), line);
    });

    test('a file that was moved away is left at SIGHUP by every process', async () => {
      renameSync(file(), `${file()}.1`);
      service.signal('SIGHUP');
      await until('all have opened it anew', async () => {
        const now = await Promise.resolve()
          .then(() => lines())
          .catch(() => []);
        return ['server-api-1', 'server-api-2', 'server-rpc-1', 'server-reports-1'].every(name => now.some(line => line.includes(name)));
      });
      const before = lines(`${file()}.1`).length;
      for (let i = 0; i < 10; i++) await once(`${service.url}/v2.0/networks`, { token });
      assert.equal(lines(`${file()}.1`).length, before);
    });
  });

test('a log file that cannot be had stops the start in words', async () => {
  await assert.rejects(
    startService('log_file = /dev/null/x.log'),
    ({ message }: Error) => /weft: E[A-Z]+: .*\/dev\/null/.test(message) && !message.includes('node:fs'),
  );
});
