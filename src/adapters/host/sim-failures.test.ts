// The simulators fail when they are told to, once or more often, and only where they are told to.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { LinkChange } from '../../contracts/host/links.ts';
import { simHost } from './sim-host.ts';

const bridge = (name: string): LinkChange => ({ do: 'add-link', link: { kind: 'bridge', name } });

test('a link change is refused once, and only of the device that was named', async () => {
  const { links } = simHost();
  links.failNext('add-link', { name: 'b', reason: 'no memory' });
  assert.deepEqual(await links.apply('', [bridge('a'), bridge('b'), bridge('c')]), [{ index: 1, reason: 'no memory' }]);
  assert.deepEqual(await links.apply('', [bridge('b')]), []);
  assert.deepEqual(
    (await links.list('')).map(l => l.name),
    ['lo', 'a', 'c', 'b'],
  );
});

test('each door fails on request, leaves its state as it was, and then works', async () => {
  const { iptables, nft, ipsets, conntrack, processes, files, links } = simHost();
  const text = '*filter\n:a - [0:0]\nCOMMIT\n';
  iptables.failNext('restore', { times: 2 });
  await assert.rejects(iptables.restore('', 4, text), /simulated failure of restore/);
  await assert.rejects(iptables.restore('', 4, text));
  assert.ok(!(await iptables.save('', 4, 'filter')).includes(':a '));
  await iptables.restore('', 4, text);

  nft.failNext('apply');
  await assert.rejects(nft.apply('', 'table ip t\n'));
  assert.equal(await nft.listTable('', 'ip', 't'), undefined);
  ipsets.failNext('restore');
  await assert.rejects(ipsets.restore('', 'create s hash:ip\n'));
  assert.equal((await ipsets.list('')).size, 0);
  conntrack.failNext('flush');
  await assert.rejects(conntrack.flush('', [{ family: 4 }]));
  links.failNext('list');
  await assert.rejects(links.list(''));
  files.failNext('write', { name: '/a' });
  assert.equal(await files.write('/b', ''), true);
  await assert.rejects(files.write('/a', ''));
  processes.failNext('ensure', { name: 'd', reason: 'no port' });
  const spec = { name: 'd', netns: '', argv: ['x'], pidFile: '/x.pid', selfPid: false };
  await assert.rejects(processes.ensure(spec), /no port/);
  assert.equal(processes.table.size, 0);
  assert.ok(await processes.ensure(spec));
});

test('a namespace takes its rules, sets and flows along', async () => {
  const { links, iptables, ipsets, nft, conntrack } = simHost();
  const fill = async (): Promise<void> => {
    await ipsets.restore('n', 'create s hash:ip\n');
    await iptables.restore('n', 4, '*filter\n-A INPUT -m set --match-set s src -j DROP\nCOMMIT\n');
    await nft.apply('n', 'table ip t\n');
    conntrack.track('n', { family: 4, src: '10.0.0.1' });
  };
  await links.addNamespace('n');
  await fill();
  await links.delNamespace('n');
  await assert.rejects(fill());
  await links.addNamespace('n');
  assert.equal((await ipsets.list('n')).size, 0);
  assert.ok(!(await iptables.save('n', 4)).includes('DROP'));
  assert.equal(await nft.listTable('n', 'ip', 't'), undefined);
  assert.deepEqual(await conntrack.list('n', 4), []);
});

test('a sysctl can be missing, or be there although no kernel here has it', async () => {
  const { files } = simHost();
  assert.equal(await files.sysctl('', 'net.bridge.bridge-nf-call-iptables', '1'), true);
  files.withoutSysctl('net.bridge.bridge-nf-call-iptables');
  assert.equal(await files.sysctl('', 'net.bridge.bridge-nf-call-iptables', '1'), false);
  assert.equal(await files.sysctl('', 'net.odd', '1'), false);
  files.withSysctl('net.odd');
  assert.equal(await files.sysctl('', 'net.odd', '1'), true);
});
