// The API over TLS: links, certificates of clients, and a new certificate while requests go on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { until } from './harness.ts';
import { once, type Service, startService } from './service.ts';

const noOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'no openssl here (Debian: openssl)';

let folder: string;
const at = (name: string): string => join(folder, name);
const openssl = (...args: readonly string[]): void => {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
};

/** A certificate of the authority `ca`, which is made first. */
function certificate(name: string, ca = 'ca'): void {
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${name}`);
  writeFileSync(at('san'), 'subjectAltName=IP:127.0.0.1');
  const by = ['-CA', at(`${ca}.crt`), '-CAkey', at(`${ca}.key`), '-CAcreateserial'];
  openssl('x509', '-req', '-in', at(`${name}.csr`), ...by, '-days', '2', '-extfile', at('san'), '-out', at(`${name}.crt`));
}

function authority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.crt`),
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
}

const use = (name: string): void => {
  copyFileSync(at(`${name}.crt`), at('server.crt'));
  copyFileSync(at(`${name}.key`), at('server.key'));
};
const options = (more = ''): string =>
  `api_workers = 2\nrpc_state_report_workers = 0\nuse_ssl = true\n[ssl]\ncert_file = ${at('server.crt')}\nkey_file = ${at('server.key')}\n${more}`;

describe('TLS', { skip: noOpenssl }, () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'weft-tls-'));
    for (const name of ['ca', 'other-ca']) authority(name);
    for (const name of ['first', 'second', 'client']) certificate(name);
    certificate('stranger', 'other-ca');
    use('first');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const ca = (): Buffer => readFileSync(at('ca.crt'));

  test('answers whoever trusts its authority, with links that say https', async () => {
    await using service = await startService(`client_socket_timeout = 900\n${options()}`);
    assert.match(service.url, /^https:/);
    const { status, text } = await once(service.url, { ca: ca() });
    assert.deepEqual([status, JSON.parse(text).versions[0].links[0].href], [200, `${service.url}/v2.0/`]);
    await assert.rejects(once(service.url, { ca: readFileSync(at('other-ca.crt')) }), /certificate/);
    await assert.rejects(once(service.url.replace('https:', 'http:'), {}));
    const tokens = await once(`${service.url}/identity/v3`, { ca: ca() });
    assert.match(tokens.text, /"href":"https:/);
    const idle = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port), ca: ca() });
    await new Promise(resolve => idle.once('secureConnect', resolve));
    service.signal('SIGTERM');
    // Well before graceful_shutdown_timeout.
    assert.equal(await Promise.race([service.ended, sleep(40_000, 'waits for who says nothing', { ref: false })]), '0');
  });

  test('SIGHUP: the new certificate is shown by every worker, a wrong one changes nothing, and no request is lost', async () => {
    await using service = await startService(options());
    const failed: unknown[] = [];
    let going = true;
    const stream = (async () => {
      for (; going; await sleep(5)) await once(`${service.url}/`, { ca: ca() }).catch((error: unknown) => failed.push(error));
    })();
    const shown = async (): Promise<Set<string>> => new Set(await Promise.all(Array.from({ length: 8 }, () => subject(service))));
    try {
      assert.deepEqual(await shown(), new Set(['first']));
      use('second');
      service.signal('SIGHUP');
      await until('the second is shown', async () => (await shown()).has('second') && (await shown()).size === 1, 30_000);
      copyFileSync(at('first.key'), at('server.key'));
      service.signal('SIGHUP');
      await until('it is told', async () => /TLS: the certificate stays as it was/.test(await service.logs('server-api')), 30_000);
      assert.deepEqual(await shown(), new Set(['second']));
    } finally {
      going = false;
      await stream;
      use('first');
    }
    assert.deepEqual(failed, []);
  });

  test('with an authority of clients, who has no certificate of it is refused', async () => {
    await using service = await startService(options(`ca_file = ${at('ca.crt')}`));
    const as = (name: string) =>
      once(service.url, { ca: ca(), cert: readFileSync(at(`${name}.crt`)), key: readFileSync(at(`${name}.key`)) });
    assert.equal((await as('client')).status, 200);
    await assert.rejects(as('stranger'));
    await assert.rejects(once(service.url, { ca: ca() }));
  });

  test('a key that is not that of the certificate, or is not there, stops the start and is named', async () => {
    copyFileSync(at('second.key'), at('server.key'));
    await assert.rejects(startService(options()), /server\.key: no certificate and key to use together/);
    rmSync(at('server.key'));
    await assert.rejects(startService(options()), /server\.key cannot be read/);
  });
});

/** Of the certificate that a new connection is shown. */
function subject(service: Service): Promise<string> {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
