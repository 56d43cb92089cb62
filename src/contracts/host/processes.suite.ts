// What every door to processes and files must do.
import assert from 'node:assert/strict';
import test from 'node:test';
import { HostRefusal } from './firewall.ts';
import type { Netns } from './netns.ts';
import type { DaemonSpec } from './processes.ts';
import { type HostUnderTest, inNamespace, type OpenHost, until } from './under-test.ts';

type Check = (what: string, body: (under: HostUnderTest, ns: Netns) => Promise<void>) => void;

export function processesContract(name: string, open: OpenHost): void {
  const checks =
    (door: string): Check =>
    (what, body) => {
      test(`${door} ${name}: ${what}`, { timeout: 30_000 }, async () => {
        await using under = await open();
        await inNamespace(under, ns => body(under, ns));
      });
    };
  daemons(checks('processes'));
  commands(checks('processes'));
  texts(checks('files'));
  sysctls(checks('files'));
}

function daemons(check: Check): void {
  const spec = (under: HostUnderTest, ns: Netns, more: Partial<DaemonSpec> = {}): DaemonSpec => ({
    name: 'suite',
    netns: ns,
    argv: under.stays,
    pidFile: `${under.folder}/pids/suite.pid`,
    selfPid: false,
    ...more,
  });

  check('a daemon is started once, found again, and stopped once', async (under, ns) => {
    const { processes } = under.host;
    const one = spec(under, ns);
    const mark = under.stays.join(' ');
    assert.equal(await processes.alive(one.pidFile, mark), undefined);
    const pid = await processes.ensure(one);
    assert.ok(pid > 1);
    assert.equal(await processes.ensure(one), pid);
    assert.equal(await processes.alive(one.pidFile, mark), pid);
    assert.equal(await processes.alive(one.pidFile, 'another mark'), undefined, 'a pid alone is not enough');
    assert.equal(await processes.signal(one.pidFile, 'another mark', 'SIGTERM'), false);
    await processes.stop(one.pidFile, mark);
    assert.equal(await processes.alive(one.pidFile, mark), undefined);
    assert.equal(await under.host.files.read(one.pidFile), undefined);
    await processes.stop(one.pidFile, mark);
    assert.equal(await processes.signal(one.pidFile, mark, 'SIGHUP'), false);
  });

  check('two who want the same daemon at the same time get the same one', async (under, ns) => {
    const { processes } = under.host;
    const one = spec(under, ns);
    const mark = under.stays.join(' ');
    const [first, second] = await Promise.all([processes.ensure(one), processes.ensure(one)]);
    assert.equal(first, second);
    await Promise.all([processes.stop(one.pidFile, mark), processes.stop(one.pidFile, mark)]);
    assert.equal(await processes.alive(one.pidFile, mark), undefined);
  });

  check('one that died is started again, under the old pid file', async (under, ns) => {
    const { processes } = under.host;
    const one = spec(under, ns);
    const mark = under.stays.join(' ');
    const first = await processes.ensure(one);
    under.kill(first);
    await until(async () => (await processes.alive(one.pidFile, mark)) === undefined, 'death seen');
    const second = await processes.ensure(one);
    assert.notEqual(second, first);
    assert.equal(await processes.alive(one.pidFile, mark), second);
    assert.equal(await processes.signal(one.pidFile, mark, 'SIGKILL'), true);
    await until(async () => (await processes.alive(one.pidFile, mark)) === undefined, 'death seen');
    await processes.stop(one.pidFile, mark);
  });

  check('an earlier self with other arguments makes way', async (under, ns) => {
    const { processes } = under.host;
    const one = spec(under, ns);
    const [program = '', ...rest] = under.stays;
    const other = { ...one, argv: [program, ...rest.slice(0, -1), `${rest.at(-1)}1`] };
    const first = await processes.ensure(one);
    const second = await processes.ensure(other);
    assert.notEqual(second, first);
    assert.equal(await processes.alive(one.pidFile, other.argv.join(' ')), second);
    await processes.stop(one.pidFile, program);
  });

  check('one that ends at once is refused with its last words, and leaves no pid file', async (under, ns) => {
    const { processes, files } = under.host;
    for (const netns of ['', ns]) {
      const one = spec(under, netns, { argv: under.endsAtOnce.argv });
      await assert.rejects(processes.ensure(one), error => error instanceof HostRefusal && under.endsAtOnce.words.test(error.message));
      assert.equal(await files.read(one.pidFile), undefined);
    }
    await assert.rejects(processes.ensure(spec(under, `${ns}-x`)), HostRefusal);
  });

  check('one that goes into the background is known by the pid that it writes', async (under, ns) => {
    const { processes } = under.host;
    const pidFile = `${under.folder}/own.pid`;
    const argv = under.daemonises?.(pidFile);
    if (!argv) return;
    const one = spec(under, ns, { argv, pidFile, selfPid: true });
    const pid = await processes.ensure(one);
    assert.equal(await processes.ensure(one), pid);
    assert.equal(await processes.alive(pidFile, `--pid-file=${pidFile}`), pid);
    assert.equal(await processes.signal(pidFile, pidFile, 'SIGHUP'), true);
    assert.equal(await processes.alive(pidFile, pidFile), pid);
    await processes.stop(pidFile, pidFile);
    assert.equal(await processes.alive(pidFile, pidFile), undefined);
  });
}

function commands(check: Check): void {
  check('a command runs to its end with its input, wherever it is run', async (under, ns) => {
    const { processes } = under.host;
    for (const netns of ['', ns]) {
      assert.deepEqual(await processes.run(netns, ['cat'], { input: 'zwölf $(x) "y"\n' }), {
        code: 0,
        stdout: 'zwölf $(x) "y"\n',
        stderr: '',
      });
      assert.equal((await processes.run(netns, ['false'])).code, 1);
      await assert.rejects(processes.run(netns, ['no-such-program']), HostRefusal);
    }
    await assert.rejects(processes.run(`${ns}-x`, ['cat']), HostRefusal);
  });
}

function texts(check: Check): void {
  check('a text is written into new folders, told apart from the same, listed and removed', async (under, _ns) => {
    const { files } = under.host;
    const folder = `${under.folder}/texts`;
    assert.equal(await files.read(`${folder}/a/b`), undefined);
    assert.deepEqual(await files.list(folder), []);
    assert.equal(await files.write(`${folder}/a/b`, 'one\n'), true);
    assert.equal(await files.write(`${folder}/a/b`, 'one\n', 0o600), false);
    assert.equal(await files.write(`${folder}/a/b`, 'zwölf'), true);
    assert.equal(await files.read(`${folder}/a/b`), 'zwölf');
    assert.equal(await files.write(`${folder}/c`, ''), true);
    assert.equal(await files.read(`${folder}/c`), '');
    assert.deepEqual(await files.list(folder), ['a', 'c']);
    assert.deepEqual(await files.list(`${folder}/a`), ['b'], 'nothing is left of the writing');
    await files.remove(`${folder}/a`);
    await files.remove(`${folder}/a`);
    assert.deepEqual(await files.list(folder), ['c']);
    await assert.rejects(files.write(folder, 'a folder is in the way'));
  });
}

function sysctls(check: Check): void {
  check('a sysctl is the namespace’s own, by either spelling', async (under, ns) => {
    const { files, links } = under.host;
    await links.apply(ns, [{ do: 'add-link', link: { kind: 'bridge', name: 'br.5' } }]);
    assert.equal(await files.readSysctl(ns, 'net.ipv4.ip_forward'), '0');
    const results = await Promise.all([
      files.sysctl(ns, 'net.ipv4.ip_forward', '1'),
      files.sysctl(ns, 'net/ipv6/conf/br.5/accept_ra', '0'),
      files.sysctl(ns, 'net.ipv6.conf.nosuch.accept_ra', '0'),
      files.sysctl(ns, 'net.ipv4.no_such_key', '0'),
    ]);
    assert.deepEqual(results, [true, true, false, false]);
    assert.equal(await files.readSysctl(ns, 'net/ipv4/ip_forward'), '1');
    assert.equal(await files.readSysctl(ns, 'net/ipv6/conf/br.5/accept_ra'), '0');
    assert.equal(await files.readSysctl(ns, 'net.ipv4.no_such_key'), undefined);
    await inNamespace(under, async other => assert.equal(await files.readSysctl(other, 'net.ipv4.ip_forward'), '0'));
    assert.equal(await files.sysctl('', 'net.ipv4.conf.lo.forwarding', '1'), true);
    assert.equal(await files.readSysctl('', 'net.ipv4.conf.lo.forwarding'), '1');
    assert.equal(await files.sysctl('', 'net.ipv4.no_such_key', '1'), false);
  });

  check('a sysctl that the kernel does not take is refused, and so is a key that leads elsewhere', async (under, ns) => {
    const { files } = under.host;
    for (const netns of ['', ns]) {
      await assert.rejects(files.sysctl(netns, 'net.ipv4.ip_forward', 'x'), HostRefusal);
      await assert.rejects(files.sysctl(netns, 'net/../../etc/passwd', '1'), HostRefusal);
      await assert.rejects(files.sysctl(netns, 'net.ipv4.ip_forward', '1\nnet.ipv4.ip_forward=0'), HostRefusal);
      await assert.rejects(files.readSysctl(netns, 'net.ipv4.ip_forward = 1'), HostRefusal);
    }
    await assert.rejects(files.sysctl(`${ns}-x`, 'net.ipv4.ip_forward', '1'), HostRefusal);
  });

  check('what one turn asks for in a namespace is one process', async (under, ns) => {
    const before = under.spawned?.() ?? 0;
    await Promise.all(
      ['rp_filter', 'accept_local', 'arp_ignore', 'arp_announce'].map(k => under.host.files.sysctl(ns, `net.ipv4.conf.all.${k}`, '1')),
    );
    if (under.spawned) assert.equal(under.spawned() - before, 1);
  });
}
