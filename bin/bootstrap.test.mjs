// What the bootstrap decides and says, without installing anything.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  forbidServices,
  installPackages,
  installPlan,
  missingPackages,
  programFolders,
  runPackages,
  testPackages,
  upPackages,
} from './packages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'weft-bootstrap-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function binWith(name, programs) {
  const bin = join(folder, name);
  mkdirSync(bin, { recursive: true });
  for (const program of programs) writeFileSync(join(bin, program), '');
  return bin;
}

test('a package is missing when one of its programs is', () => {
  const packages = { a: ['a1', 'a2'], b: ['b1'], c: ['c1'] };
  assert.deepEqual(missingPackages(packages, [binWith('one', ['a1', 'b1']), binWith('two', ['c1'])]), ['a']);
  assert.deepEqual(missingPackages(packages, [binWith('one', []), binWith('three', ['a2', 'c1'])]), []);
  assert.deepEqual(missingPackages({ here: [import.meta.filename], gone: [`${import.meta.filename}.not`] }, []), ['gone']);
});

test('an empty search path still finds what is in the sbin folders', () => {
  assert.deepEqual(programFolders(''), ['/usr/local/sbin', '/usr/sbin', '/sbin']);
  assert.deepEqual(programFolders('/usr/sbin:/x'), ['/usr/sbin', '/x', '/usr/local/sbin', '/sbin']);
});

test('with nothing there, root on Debian installs every package of the mode', () => {
  const packages = { ...runPackages, ...testPackages };
  const missing = missingPackages(packages, [binWith('empty', [])]);
  const plan = installPlan({ missing, packages, isDebian: true, isRoot: true });
  assert.equal(plan.kind, 'install');
  assert.deepEqual(plan.packages, Object.keys(packages));
});

test('without root, the one line to run is told', () => {
  const plan = installPlan({ missing: ['ipset', 'conntrack'], packages: runPackages, isDebian: true, isRoot: false });
  assert.equal(plan.kind, 'tell');
  assert.match(plan.text, /^ {2}sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends ipset conntrack'$/m);
});

test('elsewhere than on Debian, the programs are listed with the packages that hold them there', () => {
  const plan = installPlan({ missing: ['dnsmasq-base', 'iptables'], packages: runPackages, isDebian: false, isRoot: true });
  assert.equal(plan.kind, 'tell');
  assert.match(plan.text, /dnsmasq {3}\(Debian package: dnsmasq-base\)/);
  assert.match(plan.text, /iptables-restore, ip6tables-restore {3}\(Debian package: iptables\)/);
});

test('packages are installed with services forbidden, and the ban is lifted even when that fails', () => {
  const policy = join(folder, 'policy-rc.d');
  const seen = [];
  const run = (_title, argv, env) => {
    seen.push({ what: argv.at(-1), banned: existsSync(policy), frontend: env.DEBIAN_FRONTEND });
    if (argv.includes('install') && argv.includes('broken')) throw new Error('no such package');
  };
  installPackages(['ipset'], { run, tryRun: () => assert.fail('ipset has no service'), policy });
  assert.deepEqual(seen, [
    { what: 'update', banned: false, frontend: 'noninteractive' },
    { what: 'ipset', banned: true, frontend: 'noninteractive' },
  ]);
  assert.throws(() => installPackages(['broken'], { run, tryRun: () => {}, policy }), /no such package/);
  assert.equal(existsSync(policy), false);
});

test("somebody else's service policy is left alone", () => {
  const policy = join(folder, 'foreign-policy');
  writeFileSync(policy, '#!/bin/sh\nexit 0\n');
  forbidServices(policy)();
  assert.equal(readFileSync(policy, 'utf8'), '#!/bin/sh\nexit 0\n');
});

test('a daemon package is not left to start at boot', () => {
  const tried = [];
  installPackages(['haproxy', 'ipset'], { run: () => {}, tryRun: argv => tried.push(argv.join(' ')), policy: join(folder, 'p') });
  assert.deepEqual(tried, ['systemctl --quiet disable haproxy']);
});

test('weft installs the programs of a network only for what calls them, and node modules wherever they may have changed', () => {
  const root = join(folder, 'clone');
  const [bin, modules] = [join(root, 'bin'), join(root, 'node_modules')];
  for (const made of [bin, join(modules, '.bin'), join(root, 'src/main')]) mkdirSync(made, { recursive: true });
  copyFileSync(join(import.meta.dirname, 'weft'), join(bin, 'weft'));
  const tell = "process.stdout.write(`${process.argv[1].split('/').at(-1)} ${process.argv.slice(2).join(' ')}\\n`);";
  // The first start makes what the later ones find.
  const { execPath } = process;
  const make = `import { existsSync, symlinkSync, writeFileSync } from 'node:fs'; const at = ${JSON.stringify(modules)};
    if (!existsSync(at + '/.bin/node')) symlinkSync(${JSON.stringify(execPath)}, at + '/.bin/node'); writeFileSync(at + '/.weft-stamp', '');`;
  writeFileSync(join(bin, 'bootstrap.mjs'), `${make}\n${tell}`);
  writeFileSync(join(bin, 'run.mjs'), tell);
  const nodes = join(folder, 'nodes');
  mkdirSync(nodes);
  symlinkSync(execPath, join(nodes, 'node'));
  const weft = (...argv) => {
    const done = spawnSync('/bin/sh', [join(bin, 'weft'), ...argv], { encoding: 'utf8', env: { PATH: `${nodes}:/usr/bin:/bin` } });
    return done.stdout.trim().split('\n');
  };
  const fresh = () => rmSync(join(modules, '.weft-stamp'), { force: true });
  for (const [argv, first, later] of [
    [['up', '--hosts', '2'], 'run', 'run'],
    [['server'], 'dev', 'dev'],
    [['help'], 'dev', undefined],
    [[], 'dev', undefined],
  ]) {
    const itself = `run.mjs ${join(root, 'src/main/weft.ts')} ${argv.join(' ')}`.trim();
    fresh();
    const looks = mode => ['bootstrap.mjs', mode, ...argv].join(' ');
    assert.deepEqual(weft(...argv), [looks(first), itself]);
    assert.deepEqual(weft(...argv), [...(later === undefined ? [] : [looks(later)]), itself]);
  }
});

test('Open vSwitch is installed for those who ask for it', () => {
  const has = (...words) => 'openvswitch-switch' in upPackages(words);
  assert.deepEqual([has('up'), has('up', '--switch', 'linuxbridge'), has('agent', 'l3')], [false, false, false]);
  assert.deepEqual([has('up', '--hosts', '2', '--switch', 'openvswitch'), has('up', '--switch=openvswitch')], [true, true]);
});

test('programs that bin/weft starts have the same allocator as those that are started by them', async () => {
  const { nodeEnv } = await import('../src/main/supervise/node.ts');
  const script = readFileSync(join(import.meta.dirname, 'weft'), 'utf8');
  const said = [...script.matchAll(/^export (MALLOC_\w+)="\$\{\1:-(\d+)\}"$/gm)].map(([, name, value]) => [name, value]);
  assert.deepEqual(Object.fromEntries(said), nodeEnv);
});
