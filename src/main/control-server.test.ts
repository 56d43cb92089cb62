import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { control } from '../cli/control.ts';
import { stateFolder } from '../cli/state.ts';
import { ControlError, type ControlRoutes, openControl } from './control-server.ts';

async function world(t: { after(f: () => Promise<void>): void }, routes: ControlRoutes) {
  const dir = mkdtempSync(join(tmpdir(), 'weft-control-'));
  const folder = stateFolder(dir);
  const errors: unknown[] = [];
  const server = await openControl(folder.controlSocket, routes, error => errors.push(error));
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });
  return { folder, errors };
}

test('calls reach their route, with a body or a name; the socket is for its owner', async t => {
  const { folder } = await world(t, {
    'GET /status': async () => ({ ready: true }),
    'POST /things': async body => ({ got: body }),
    'DELETE /things/*': async (_, name) => ({ name }),
  });
  assert.deepEqual(await control(folder, 'GET', '/status'), { ready: true });
  assert.deepEqual(await control(folder, 'POST', '/things', { a: 1 }), { got: { a: 1 } });
  assert.deepEqual(await control(folder, 'DELETE', '/things/one%2Ftwo'), { name: 'one/two' });
  assert.equal(statSync(folder.controlSocket).mode & 0o777, 0o600);
});

test('a refusal is in words; a bug is told as well, and reported', async t => {
  const { folder, errors } = await world(t, {
    'GET /refused': async () => {
      throw new ControlError(409, 'not now');
    },
    'GET /bug': async () => {
      throw new TypeError('x is undefined');
    },
  });
  await assert.rejects(control(folder, 'GET', '/refused'), { message: 'not now' });
  assert.equal(errors.length, 0);
  await assert.rejects(control(folder, 'GET', '/bug'), { message: 'x is undefined' });
  assert.equal(errors.length, 1);
  await assert.rejects(control(folder, 'GET', '/nowhere'), { message: 'the control socket has no GET /nowhere' });
});

test('junk is refused and harms nothing', async t => {
  const { folder } = await world(t, { 'POST /things': async () => ({}) });
  const send = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const call = request({ socketPath: folder.controlSocket, method: 'POST', path: '/things' }, reply => {
        reply.resume();
        resolve(reply.statusCode ?? 0);
      });
      call.on('error', reject);
      call.end(body);
    });
  assert.equal(await send('{"a":'), 400);
  assert.equal(await send(`"${'x'.repeat(5_000_000)}"`), 413);
  assert.equal(await send('{}'), 200);
});

test('where nothing runs, it says how to start', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-control-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await assert.rejects(control(stateFolder(dir), 'GET', '/status'), {
    message: /Weft is not running on .*; start it with "weft up --state-dir /,
  });
});
