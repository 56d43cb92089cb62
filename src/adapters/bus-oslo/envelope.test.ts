import assert from 'node:assert/strict';
import test from 'node:test';
import { RpcFailure } from '../../contracts/bus.ts';
import { serviceContext } from './context.ts';
import { Malformed, packReply, packRequest, unpackReply, unpackRequest } from './envelope.ts';
import { packFailure, unpackFailure } from './failure.ts';

const base = {
  method: 'get_router_ids',
  args: { host: 'ovs1' },
  version: '1.9',
  namespace: undefined,
  context: serviceContext('req-1'),
  uniqueId: 'u'.repeat(32),
};

/** The keys of a call by Zed's L3 agent, in the order of the capture. */
const zedKeys = [
  'method',
  'args',
  'version',
  '_msg_id',
  '_reply_q',
  '_timeout',
  '_unique_id',
  ...['user', 'project_id', 'system_scope', 'project', 'domain', 'user_domain', 'project_domain', 'is_admin', 'read_only', 'show_deleted'],
  ...[
    'auth_token',
    'request_id',
    'global_request_id',
    'resource_uuid',
    'roles',
    'user_identity',
    'is_admin_project',
    'user_id',
    'tenant_id',
  ],
  ...['timestamp', 'tenant_name', 'project_name', 'user_name'],
].map((key, i) => (i < 7 ? key : `_context_${key}`));

test('a call has the keys that Zed sends, JSON inside JSON, and a version 2.0 envelope', () => {
  const outer = JSON.parse(packRequest({ ...base, reply: { msgId: 'm', queue: 'reply_x' } }, Date.UTC(2026, 10, 21, 1, 13, 51, 655)));
  assert.deepEqual(Object.keys(outer), ['oslo.version', 'oslo.message']);
  assert.equal(outer['oslo.version'], '2.0');
  const payload = JSON.parse(outer['oslo.message']);
  assert.deepEqual(Object.keys(payload).sort(), zedKeys.sort());
  assert.equal(payload._timeout, null);
  assert.equal(payload._context_timestamp, '2026-11-21 01:13:51.655000');
  assert.equal(payload._context_user_identity, '- - - - -');
  assert.equal(payload._context_auth_token, null);
});

test('a cast has neither _msg_id nor _reply_q, and no namespace unless it was given', () => {
  const payload = JSON.parse(JSON.parse(packRequest(base, 0))['oslo.message']);
  for (const key of ['_msg_id', '_reply_q', '_timeout', 'namespace']) assert.equal(key in payload, false, key);
  assert.equal(JSON.parse(JSON.parse(packRequest({ ...base, namespace: 'trunk' }, 0))['oslo.message']).namespace, 'trunk');
});

test('a request read back is what was sent', () => {
  const context = {
    request_id: 'req-9',
    is_admin: false,
    user_id: 'u1',
    project_id: 'p1',
    roles: ['member', 'reader'],
    global_request_id: 'req-g',
  };
  const request = unpackRequest(packRequest({ ...base, context, reply: { msgId: 'm', queue: 'reply_x' } }, 0));
  assert.deepEqual(request, {
    method: 'get_router_ids',
    args: { host: 'ovs1' },
    version: '1.9',
    namespace: null,
    context,
    msgId: 'm',
    replyQueue: 'reply_x',
    monitorSeconds: null,
    uniqueId: base.uniqueId,
  });
});

test('a bare payload, without context, version and ids, is accepted; it is nobody', () => {
  const request = unpackRequest('{"method":"m"}');
  assert.deepEqual(
    [request.version, request.namespace, request.args, request.uniqueId, request.context.is_admin],
    ['1.0', null, {}, undefined, false],
  );
});

test('a later or older peer: project_id falls back to tenant_id, unknown keys are ignored', () => {
  const { context } = unpackRequest(
    '{"method":"m","_context_tenant_id":"t","_context_has_global_access":true,"_context_roles":["admin",5],"_context_user":"u"}',
  );
  assert.deepEqual([context.project_id, context.user_id, context.roles], ['t', 'u', ['admin']]);
});

test('is_admin is true only when it is true', () => {
  for (const value of ['"True"', '1', 'null', '"true"'])
    assert.equal(unpackRequest(`{"method":"m","_context_is_admin":${value}}`).context.is_admin, false);
  assert.equal(unpackRequest('{"method":"m","_context_is_admin":true}').context.is_admin, true);
});

for (const body of [
  '',
  'x',
  '5',
  'null',
  '[]',
  '{}',
  '{"method":5}',
  '{"method":"m","args":[]}',
  '{"method":"m","version":1}',
  '{"method":"m","namespace":{}}',
]) {
  test(`not a request: ${body || '(empty)'}`, () => assert.throws(() => unpackRequest(body), Malformed));
}
for (const body of [
  '{"oslo.version":"3.0","oslo.message":"{\\"method\\":\\"m\\"}"}',
  '{"oslo.version":"2.0","oslo.message":{"method":"m"}}',
]) {
  test(`not our envelope: ${body}`, () => assert.throws(() => unpackRequest(body), Malformed));
}

test('a reply has the keys of the capture', () => {
  const payload = JSON.parse(JSON.parse(packReply({ msgId: 'm', result: [1], uniqueId: 'u' }))['oslo.message']);
  assert.deepEqual(payload, { result: [1], failure: null, ending: true, _msg_id: 'm', _unique_id: 'u' });
  assert.deepEqual(unpackReply(JSON.stringify(payload)), { msgId: 'm', result: [1], failure: null, ending: true, uniqueId: 'u' });
  for (const bad of ['{}', '{"_msg_id":5}', '{"_msg_id":"m","failure":{}}']) assert.throws(() => unpackReply(bad), Malformed);
});

test('a failure is JSON text with the keys of the capture', () => {
  const failure = JSON.parse(
    packFailure(new RpcFailure('UnsupportedVersion', 'Endpoint does not support …', 'oslo_messaging.rpc.dispatcher')),
  );
  assert.deepEqual(failure, {
    class: 'UnsupportedVersion',
    module: 'oslo_messaging.rpc.dispatcher',
    message: 'Endpoint does not support …',
    tb: [],
    args: ['Endpoint does not support …'],
    kwargs: {},
  });
  const bug = JSON.parse(packFailure(new RangeError('x')));
  assert.equal(bug.class, 'RangeError');
  assert.ok(Array.isArray(bug.tb) && bug.tb.length > 0 && bug.tb.every((line: unknown) => typeof line === 'string'));
});

test("a real peer's failure is read; whatever else comes is an error all the same", () => {
  const real = unpackFailure(
    '{"class": "NetworkNotFound", "module": "neutron_lib.exceptions", "message": "gone", "tb": ["a\\n"], "args": [], "kwargs": {}}',
  );
  assert.deepEqual([real.excType, real.message, real.traceback], ['NetworkNotFound', 'gone', ['a\n']]);
  for (const odd of ['text', '5', 'null', '{}', '{"class":5,"tb":"x"}']) assert.equal(unpackFailure(odd).excType, 'RemoteError');
});
