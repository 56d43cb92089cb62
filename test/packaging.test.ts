// Units and container recipes: what they name is there, and systemd takes them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { missingPackages, programFolders, testPackages } from '../bin/packages.mjs';
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

  test('there is one for the server and for each agent', () => {
    assert.deepEqual(
      units.sort(),
      ['dhcp-agent', 'l3-agent', 'linuxbridge-agent', 'metadata-agent', 'server'].map(role => `weft-${role}.service`),
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

  test('the server may do little', { skip }, () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', join(folder, 'weft-server.service')], {
      encoding: 'utf8',
    });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(exposure < 2.5, stdout.slice(-300));
  });
});
