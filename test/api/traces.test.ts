// Traces of a server, as a collector of OpenTelemetry receives them.
import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { after, before, test } from 'node:test';
import { until } from './harness.ts';
import { once, type Service, startService } from './service.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, string>> }[];
  readonly status: { readonly code?: number };
}

const spans: Span[] = [];
const asked: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
let answer = 200;
const collector = createServer(async (request, reply) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  asked.push({ path: request.url ?? '', headers: request.headers, body });
  if (answer === 200) for (const { scopeSpans } of JSON.parse(body).resourceSpans) for (const one of scopeSpans) spans.push(...one.spans);
  reply.writeHead(answer, { 'content-type': 'application/json' }).end('{}');
});
let service: Service;
let token: string;

before(async () => {
  await new Promise<void>(resolve => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as { port: number };
  service = await startService(`api_workers = 2\n[weft]\notlp_endpoint = http://127.0.0.1:${port}`);
  token = await service.token();
});
after(async () => {
  await service[Symbol.asyncDispose]();
  collector.closeAllConnections();
  collector.close();
});

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';
const values = ({ attributes }: Span): Record<string, string> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));

test('a request is a span below that of who asked, with its commit below it; what agents are told is one, too', async () => {
  const { status, headers, text } = await once(`${service.url}/v2.0/networks?name=${token}`, {
    ...{ method: 'POST', token, body: { network: { name: 'seen', description: token.slice(0, 200) } } },
    headers: { traceparent: `00-${traceId}-${parent}-01` },
  });
  assert.equal(status, 201);
  const { id } = JSON.parse(text).network as { id: string };
  assert.equal((await once(`${service.url}/v2.0/networks/${id}`, { method: 'DELETE', token })).status, 204);
  const request = await until(
    'the span of the request',
    async () => spans.find(span => span.traceId === traceId && span.kind === 2),
    30_000,
  );
  assert.deepEqual([request.name, request.parentSpanId, request.status], ['POST /v2.0/networks', parent, {}]);
  const { 'http.response.status_code': code, 'weft.request_id': requestId } = values(request);
  assert.deepEqual([code, requestId], ['201', headers['x-openstack-request-id']]);
  const commit = await until('the span of the commit', async () => spans.find(span => span.parentSpanId === request.spanId));
  assert.deepEqual([commit.name, commit.traceId, values(commit)['weft.outcome']], ['commit', traceId, 'done']);
  const [from, to] = [BigInt(request.startTimeUnixNano), BigInt(request.endTimeUnixNano)];
  assert.ok(from <= BigInt(commit.startTimeUnixNano) && BigInt(commit.endTimeUnixNano) <= to);
  assert.ok(Math.abs(Number(to / 1_000_000n) - Date.now()) < 60_000);
  const cast = await until('the span of a cast', async () => spans.find(span => span.name === 'cast network_delete'), 30_000);
  assert.equal(cast.kind, 4);
  assert.ok(asked.every(({ path, body }) => path === '/v1/traces' && !body.includes(token.slice(0, 100))));
});

test('who says that nobody wants a trace gets none', async () => {
  const other = traceId.replaceAll('0', '1');
  const ask = (flags: string) => once(`${service.url}/v2.0/ports`, { token, headers: { traceparent: `00-${other}-${parent}-${flags}` } });
  for (let i = 0; i < 6; i++) assert.equal((await ask('00')).status, 200);
  await ask('01');
  await until('the span that is wanted', async () => spans.some(span => span.traceId === other), 30_000);
  assert.equal(spans.filter(span => span.traceId === other && span.kind === 2).length, 1);
});

test('a collector that refuses costs its spans, a line in the log, and no request', async () => {
  answer = 500;
  try {
    assert.equal((await once(`${service.url}/v2.0/networks`, { token })).status, 200);
    await until('it is told', async () => /the collector answered 500/.test(await service.logs('server-api')), 30_000);
  } finally {
    answer = 200;
  }
});

test('what was not sent yet is sent when the server ends', async () => {
  const last = traceId.replaceAll('0', '2');
  await once(`${service.url}/v2.0/networks`, { token, headers: { traceparent: `00-${last}-${parent}-01` } });
  service.signal('SIGTERM');
  assert.equal(await service.ended, '0');
  assert.ok(spans.some(span => span.traceId === last));
});
