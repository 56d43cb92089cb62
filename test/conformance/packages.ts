// The Debian packages of the suites and of Keystone: installed where they are missing and may be.
import { spawnSync } from 'node:child_process';
import { installPackages } from '../../bin/packages.mjs';
import { runToEnd } from './daemon.ts';
import { keystonePackages } from './keystone.ts';

export const suitePackages = [
  ...['tempest', 'neutron-tempest-plugin', 'python3-testtools', 'python3-ddt', 'python3-oslotest', 'python3-testscenarios'],
  ...['python3-platformdirs', 'python3-psutil', 'python3-typing-extensions'],
];

export function ensurePackages(wanted: readonly string[], say: (line: string) => void): void {
  const missing = wanted.filter(name => !isInstalled(name));
  if (missing.length === 0) return;
  if (spawnSync('apt-get', ['--version']).error)
    throw new Error('the suites and Keystone come as Debian packages, and there is no apt-get here');
  if (process.getuid?.() !== 0)
    throw new Error(`these packages are missing: sudo apt-get install -y --no-install-recommends ${missing.join(' ')}`);
  const run = (title: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): void => {
    say(title);
    runToEnd(argv, { cwd: '/', env });
  };
  installPackages(missing, { run, tryRun: () => {} });
}

export const allPackages = [...keystonePackages, ...suitePackages];

function isInstalled(name: string): boolean {
  const done = spawnSync('dpkg-query', ['--show', '--showformat', '$' + '{db:Status-Status}', name], { encoding: 'utf8' });
  return done.stdout === 'installed';
}
