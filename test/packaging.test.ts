// Units and container recipes: what they name is there, and systemd takes them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { missingPackages, programFolders, runPackages, testPackages } from '../bin/packages.mjs';
import { neutronPrograms } from '../src/cli/neutron/programs.ts';
import { findVerb, parseCall } from '../src/cli/verb.ts';
import { verbs } from '../src/main/main.ts';

const root = join(import.meta.dirname, '..');
const installed = '/opt/weft';

describe('units of systemd', () => {
  const folder = join(root, 'packaging/systemd');
  const units = readdirSync(folder).filter(name => name.endsWith('.service'));
  const lacking = missingPackages({ systemd: testPackages.systemd }, programFolders(process.env['PATH'] ?? '')).length > 0;
  const skip = lacking && !process.env['CI'] ? 'needs systemd-analyze: apt-get install systemd' : false;

  test('there is one for the server, for each agent, and for what is cleaned when a machine starts', () => {
    assert.deepEqual(
      units.sort(),
      ['dhcp-agent', 'l3-agent', 'linuxbridge-agent', 'metadata-agent', 'openvswitch-agent', 'ovs-cleanup', 'server'].map(
        role => `weft-${role}.service`,
      ),
    );
  });

  for (const unit of units) {
    const text = readFileSync(join(folder, unit), 'utf8');
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';

    test(`${unit}: what it starts is a command of Weft`, () => {
      const [program = '', ...argv] = value('ExecStart')
        .split(' ')
        .filter(word => !word.startsWith('$'));
      const path = program.replace(installed, root);
      assert.ok(program.startsWith(`${installed}/bin/`) && existsSync(path), program);
      const name = program.split('/').at(-1) ?? '';
      if (name in neutronPrograms) return;
      const found = findVerb(verbs, argv);
      assert.ok(found, argv.join(' '));
      parseCall(found.verb, found.rest, () => {});
    });

    test(`${unit}: systemd finds nothing wrong with it`, { skip }, t => {
      const place = mkdtempSync(join(tmpdir(), 'weft-units-'));
      t.after(() => rmSync(place, { recursive: true }));
      const file = join(place, unit);
      const verify = (content: string) => {
        writeFileSync(file, content.replaceAll(installed, root));
        const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', file], {
          encoding: 'utf8',
        });
        return { status, said: `${stdout}${stderr}`.split('\n').filter(line => line.includes(unit)) };
      };
      assert.deepEqual(verify(text), { status: 0, said: [] });
      const wrong = verify(`${text.replace('[Install]', 'Colour=red\n[Install]').replace(/^ExecStart=\S+/m, 'ExecStart=/nowhere')}`);
      assert.ok(wrong.said.length >= 2, 'it sees what is wrong');
    });
  }

  test('a service installs nothing when it starts', t => {
    for (const unit of units) assert.match(readFileSync(join(folder, unit), 'utf8'), /^Environment=WEFT_INSTALL=no /m, unit);
    // A Weft without any node modules: it does not fetch them.
    const place = mkdtempSync(join(tmpdir(), 'weft-bare-'));
    t.after(() => rmSync(place, { recursive: true }));
    mkdirSync(join(place, 'bin'));
    for (const name of ['weft', 'bootstrap.mjs', 'packages.mjs']) cpSync(join(root, 'bin', name), join(place, 'bin', name));
    const { status, stderr } = spawnSync(join(place, 'bin/weft'), ['server'], {
      encoding: 'utf8',
      env: { ...process.env, WEFT_INSTALL: 'no' },
    });
    assert.equal(status, 127, stderr);
    assert.ok(!existsSync(join(place, 'node_modules')));
  });

  test('an agent keeps what it has made, and has no mount namespace of its own', () => {
    for (const unit of units.filter(name => name.includes('agent'))) {
      const text = readFileSync(join(folder, unit), 'utf8');
      assert.match(text, /^KillMode=process$/m);
      assert.doesNotMatch(
        text,
        /^(?:Private|Protect|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|BindPaths|MountFlags|RootDirectory|TemporaryFileSystem|DynamicUser)/m,
      );
    }
  });

  test('the server may write where the files of a cloud usually say', () => {
    const text = readFileSync(join(folder, 'weft-server.service'), 'utf8');
    assert.match(text, /^ProtectSystem=strict$/m);
    const paths = /^ReadWritePaths=(.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
    // The dash: they need not be there.
    for (const path of ['/var/lib/neutron', '/var/log/neutron']) assert.ok(paths.includes(`-${path}`), path);
  });

  test('the server may do little', { skip }, () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', join(folder, 'weft-server.service')], {
      encoding: 'utf8',
    });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure < 2.5, stdout.slice(-300));
  });
});

describe('container images', () => {
  const folder = join(root, 'packaging/container');
  const recipe = readFileSync(join(folder, 'Containerfile'), 'utf8').replaceAll(/\\\n/g, ' ');
  const lines = recipe.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const stages = lines.flatMap(line => {
    const [, from, name] = /^FROM (\S+) AS (\S+)$/.exec(line) ?? [];
    return from === undefined || name === undefined ? [] : [{ from, name }];
  });

  test('there is one for the server and for each agent, and each stage begins with one before it', () => {
    const names = stages.map(stage => stage.name);
    assert.deepEqual(names.filter(name => /server|-agent$/.test(name)).sort(), [
      'dhcp-agent',
      'l3-agent',
      'linuxbridge-agent',
      'metadata-agent',
      'openvswitch-agent',
      'server',
    ]);
    for (const [i, { from }] of stages.entries()) assert.ok(from.startsWith('${') || names.slice(0, i).includes(from), from);
    assert.equal(lines.filter(line => line.startsWith('FROM ')).length, stages.length);
  });

  test('what is copied is there, and is left in by .dockerignore', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
    const copied = lines.flatMap(line => {
      const words = line.split(/\s+/);
      if (words[0] !== 'COPY') return [];
      const from = /^--from=(.*)$/.exec(words[1] ?? '')?.[1];
      if (from === undefined) return words.slice(1, -1);
      assert.ok(
        stages.some(stage => stage.name === from),
        line,
      );
      return [];
    });
    assert.ok(copied.length > 5);
    for (const path of copied) assert.ok(existsSync(join(root, path)) && !ignored.includes(path.split('/')[0] ?? ''), path);
  });

  test('the agents have the packages whose programs they call, and no image has others', () => {
    const installed = (stage: string): string[] => {
      const text = recipe.split(/^FROM /m).find(part => part.split('\n')[0]?.endsWith(` AS ${stage}`)) ?? '';
      return [...text.matchAll(/apt-get install -y --no-install-recommends ([a-z0-9. -]+)/g)].flatMap(([, names = '']) =>
        names.trim().split(/\s+/),
      );
    };
    // Those that are for instances of contained hosts, and for `weft down`.
    const others = ['curl', 'isc-dhcp-client', 'iputils-ping'];
    assert.deepEqual(
      installed('agent').sort(),
      Object.keys(runPackages)
        .filter(name => !others.includes(name))
        .sort(),
    );
    assert.deepEqual(installed('base'), ['ca-certificates', 'dumb-init']);
    for (const { name } of stages) if (!['agent', 'base'].includes(name)) assert.deepEqual(installed(name), [], name);
  });

  test('a container installs nothing when it starts', () => assert.match(recipe, /^ENV .*WEFT_INSTALL=no$/m));

  test('the command of each role is one', () => {
    const commands = [...recipe.matchAll(/^ENV WEFT_COMMAND="(.*)"$/gm)].map(([, command = '']) => command.split(' '));
    assert.equal(commands.length, 6);
    for (const [program = '', ...argv] of commands) {
      if (program !== 'weft') assert.ok(program in neutronPrograms, program);
      else {
        const found = findVerb(verbs, argv);
        assert.ok(found);
        parseCall(found.verb, found.rest, () => {});
      }
    }
  });

  const node = join(root, 'node_modules/.bin/node');
  const setConfigs = (t: TestContext, config: unknown) => {
    const place = mkdtempSync(join(tmpdir(), 'weft-kolla-'));
    t.after(() => rmSync(place, { recursive: true }));
    mkdirSync(join(place, 'from/dir'), { recursive: true });
    for (const [name, text] of [
      ['neutron.conf', 'a'],
      ['ml2.ini', 'b'],
      ['dir/x', 'c'],
    ] as const)
      writeFileSync(join(place, 'from', name), text);
    const file = join(place, 'config.json');
    writeFileSync(file, JSON.stringify(config).replaceAll('PLACE', place));
    const run = (...argv: string[]) => {
      const env = { ...process.env, KOLLA_CONFIG_FILE: file, KOLLA_CONFIGURED_MARK: join(place, 'configured') };
      const { status, stdout, stderr } = spawnSync(node, [join(folder, 'kolla_set_configs'), ...argv], {
        encoding: 'utf8',
        env: { ...env, ...strategy },
      });
      return { status, stdout, stderr };
    };
    const strategy: Record<string, string> = {};
    return { place, run, strategy };
  };
  const config = {
    command: 'neutron-server --config-file /etc/neutron/neutron.conf',
    config_files: [
      { source: 'PLACE/from/neutron.conf', dest: 'PLACE/to/neutron.conf', owner: 'root', perm: '0600' },
      { source: 'PLACE/from/*.ini', dest: 'PLACE/to/plugins/', perm: '0640' },
      { source: 'PLACE/from/dir', dest: 'PLACE/to/dir', perm: '0640' },
      { source: 'PLACE/from/policy.yaml', dest: 'PLACE/to/policy.yaml', perm: '0600', optional: true },
    ],
    permissions: [{ path: 'PLACE/to/plugins', perm: '0700' }],
  };

  test("files go where Kolla's config.json wants them, with their modes, and the command is told", t => {
    const { place, run } = setConfigs(t, config);
    assert.deepEqual(run(), { status: 0, stdout: `${config.command}\n`, stderr: '' });
    const mode = (path: string): string => (statSync(join(place, 'to', path)).mode & 0o777).toString(8);
    assert.deepEqual(['neutron.conf', 'plugins', 'plugins/ml2.ini', 'dir', 'dir/x'].map(mode), ['600', '700', '640', '750', '640']);
    assert.equal(readFileSync(join(place, 'to/dir/x'), 'utf8'), 'c');
    assert.ok(!existsSync(join(place, 'to/policy.yaml')));
    assert.deepEqual(run('--check'), { status: 0, stdout: '', stderr: '' });
    writeFileSync(join(place, 'from/dir/x'), 'd');
    assert.match(run('--check').stderr, /to\/dir\/x has other contents/);
    assert.equal(run().status, 0);
    chmodSync(join(place, 'to/neutron.conf'), 0o644);
    assert.deepEqual(run('--check').status, 1);
  });

  test('once means once; what is missing and not optional stops it', t => {
    const { place, run, strategy } = setConfigs(t, config);
    strategy['KOLLA_CONFIG_STRATEGY'] = 'COPY_ONCE';
    assert.equal(run().status, 0);
    writeFileSync(join(place, 'from/neutron.conf'), 'new');
    assert.equal(run().stdout, `${config.command}\n`);
    assert.equal(readFileSync(join(place, 'to/neutron.conf'), 'utf8'), 'a');
    strategy['KOLLA_CONFIG_STRATEGY'] = 'COPY_ALWAYS';
    assert.equal(run().status, 0);
    assert.equal(readFileSync(join(place, 'to/neutron.conf'), 'utf8'), 'new');
    rmSync(join(place, 'from/neutron.conf'));
    const { status, stderr } = run();
    assert.deepEqual([status, /from\/neutron\.conf is not there/.test(stderr)], [1, true]);
    strategy['KOLLA_CONFIG_STRATEGY'] = 'NEVER';
    assert.match(run().stderr, /COPY_ALWAYS or COPY_ONCE, not NEVER/);
  });

  test('shell scripts are such', () => {
    assert.equal(spawnSync('sh', ['-n', join(folder, 'kolla_start')]).status, 0);
  });
});
