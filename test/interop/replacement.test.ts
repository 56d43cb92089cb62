// Weft's server in the place of a real neutron-server, with the same agents and while packets run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { noNeutronServer } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';

const missing = ['neutron-linuxbridge-agent', 'neutron-dhcp-agent'].filter(name => !existsSync(`/usr/bin/${name}`));
const skip = missing.length > 0 ? `no ${missing.join(', ')} here` : noSandbox() || noNeutronServer || noRabbit;

test("Neutron's agents go on with Weft's server, and no packet is lost", { skip, timeout: 900_000 }, async () => {
  const program = join(import.meta.dirname, 'replacement-program.ts');
  const inside = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', program];
  const child = spawn('unshare', [...inside, ...node], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await new Promise(resolve => child.once('close', resolve));
  const findings = output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { finding: string; value: unknown });
  assert.deepEqual(
    findings.map(({ finding, value }) => [finding, value]),
    [
      ['import', 0],
      ['the same agents', true],
      ['ports', ['ACTIVE', 'ACTIVE', 'ACTIVE']],
      ['DHCP port of a new network', ['node-1', 'bridge']],
      ['packets', { lost: 0 }],
    ],
  );
});
