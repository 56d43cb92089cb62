// How one metadata proxy succeeds another, on a simulated host where any step may fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { ensureMetadataProxy, metadataProxyAlive, metadataProxyFiles, removeMetadataProxy } from './proxy.ts';

const ID = '50783727-bd14-4db7-81ea-513e4246f7c4';
const NS = `qrouter-${ID}`;
const config = { host: 'h1', statePath: '/state', reportIntervalMs: 30_000 };
const paths = metadataProxyFiles('/state', ID);
const spec = { kind: 'router', id: ID, netns: NS, bindPort: 9697 } as const;

/** A host where Neutron's agent had started its proxy; answers the proxy's pid. */
async function neutrons(): Promise<{ host: SimHost; former: number }> {
  const host = simHost();
  await host.links.addNamespace(NS);
  await host.files.write(paths.conf, 'global\n    user root\n');
  const argv = ['haproxy', '-f', paths.conf];
  const former = await host.processes.ensure({ name: 'haproxy', netns: NS, argv, pidFile: paths.pid, selfPid: true });
  return { host, former };
}

const signals = (host: SimHost, pid: number): readonly string[] | undefined => host.processes.table.get(pid)?.signals;

test('a proxy with another text goes on until its successor stands, and then takes no more', async () => {
  const { host, former } = await neutrons();
  host.processes.program('haproxy', () => {
    assert.deepEqual(signals(host, former), [], 'it is not told to end before there is another');
    return undefined;
  });
  const pid = await ensureMetadataProxy({ host, config }, spec);
  assert.notEqual(pid, former);
  assert.deepEqual(signals(host, former), ['SIGUSR1']);
  assert.equal(await metadataProxyAlive({ host, config }, ID), pid);
  assert.equal(await ensureMetadataProxy({ host, config }, spec), pid, 'and stays');
  host.processes.kill(former);
  assert.equal(await ensureMetadataProxy({ host, config }, spec), pid);
  assert.equal(await host.files.read(paths.former), undefined);
});

test('whatever fails in between, the former serves until the next attempt has brought its successor', async () => {
  const failures: Readonly<Record<string, (host: SimHost) => void>> = {
    'its pid cannot be kept': host => host.files.failNext('write', { name: paths.former }),
    'its pid file stays': host => host.files.failNext('remove', { name: paths.pid }),
    'the text is not written': host => host.files.failNext('write', { name: paths.conf }),
    'the successor does not stand': host => host.processes.failNext('ensure'),
  };
  for (const [what, fail] of Object.entries(failures)) {
    const { host, former } = await neutrons();
    fail(host);
    await assert.rejects(ensureMetadataProxy({ host, config }, spec), what);
    assert.deepEqual(signals(host, former), [], what);
    const pid = await ensureMetadataProxy({ host, config }, spec);
    assert.notEqual(pid, former, what);
    assert.deepEqual(signals(host, former), ['SIGUSR1'], what);
    assert.deepEqual([...host.processes.table.keys()].sort(), [former, pid].sort(), what);
  }
});

test('a third makes the first end, which still had connections; all go with their router', async () => {
  const { host, former } = await neutrons();
  const second = await ensureMetadataProxy({ host, config }, spec);
  const third = await ensureMetadataProxy({ host, config }, { ...spec, bindPort: 9698 });
  assert.equal(signals(host, former), undefined);
  assert.deepEqual(signals(host, second), ['SIGUSR1']);
  assert.deepEqual(signals(host, third), []);
  await removeMetadataProxy({ host, config }, ID);
  assert.equal(host.processes.table.size, 0);
  assert.deepEqual([...host.files.texts.keys()], []);
});
