import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SimLinks } from '../../adapters/host/links/sim.ts';
import { notedNamespaces } from './made.ts';
import { MarkedLinks } from './marked-links.ts';
import { isDaemon } from './processes.ts';

const bridge = (name: string) => ({ do: 'add-link', link: { kind: 'bridge', name } }) as const;

test('what is made bears the mark; what others made is not shown, not taken and not changed', async () => {
  const inner = new SimLinks();
  const links = new MarkedLinks(inner, { mark: 'weft:1', namespaces: '/nonexistent/namespaces' });
  await inner.apply('', [bridge('brqdeadbeef-00')]);
  const refusals = await links.apply('', [
    bridge('brq00000000-01'),
    bridge('brqdeadbeef-00'),
    { do: 'del-link', name: 'brqdeadbeef-00' },
    { do: 'set-link', name: 'brq00000000-01', up: true },
  ]);
  assert.deepEqual(
    refusals.map(({ index }) => index),
    [1, 2],
  );
  const alias = new Map((await inner.list('')).map(link => [link.name, link.alias]));
  assert.deepEqual([alias.get('brq00000000-01'), alias.has('brqdeadbeef-00'), alias.get('brqdeadbeef-00')], ['weft:1', true, undefined]);
  const shown = (await links.list('')).map(({ name }) => name);
  assert.deepEqual([shown.includes('brq00000000-01'), shown.includes('brqdeadbeef-00')], [true, false]);
  assert.deepEqual(await links.apply('', [{ do: 'del-link', name: 'brq00000000-01' }]), []);
});

test('a namespace is written down before it is made, and one of others stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-marked-'));
  try {
    const [own, foreign] = ['qdhcp-7c0e9d1a-0000-4000-8000-000000000001', 'qdhcp-7c0e9d1a-0000-4000-8000-000000000002'];
    const inner = new SimLinks();
    const namespaces = join(folder, 'namespaces');
    const links = new MarkedLinks(inner, { mark: 'weft:1', namespaces });
    inner.failNext('addNamespace');
    await assert.rejects(links.addNamespace(own));
    assert.deepEqual([...notedNamespaces(namespaces)], [own]);
    await links.addNamespace(own);
    await inner.addNamespace(foreign);
    await assert.rejects(links.addNamespace(foreign), /not ours/);
    await links.delNamespace(foreign);
    assert.deepEqual(await links.namespaces(), [own]);
    assert.ok((await inner.namespaces()).includes(foreign));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a daemon is the program with our file, not whoever names the file', () => {
  assert.ok(isDaemon(['/usr/sbin/dnsmasq', '--pid-file=/run/weft/dhcp/x/pid'], '/run/weft'));
  assert.ok(!isDaemon(['sh', '-c', 'sleep 1000 # /run/weft/'], '/run/weft'));
  assert.ok(!isDaemon(['dnsmasq', '--pid-file=/run/dnsmasq.pid'], '/run/weft'));
});
