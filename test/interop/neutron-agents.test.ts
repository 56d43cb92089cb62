// Debian's real Linux bridge and DHCP agents, served by Weft over a real RabbitMQ, which is killed between two networks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { noRabbit } from './rabbit.ts';

const missing = ['neutron-linuxbridge-agent', 'neutron-dhcp-agent'].filter(name => !existsSync(`/usr/bin/${name}`));
const skip = missing.length > 0 ? `no ${missing.join(', ')} here` : noSandbox() || noRabbit;

test("Neutron's agents report, plug and serve, also after their broker was killed", { skip, timeout: 400_000 }, async () => {
  const program = join(import.meta.dirname, 'neutron-agents-program.ts');
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
      ['agents', ['DHCP agent', 'Linux bridge agent']],
      ['DHCP port', ['node-1', 'bridge']],
      ['DHCP port after the broker was killed', ['node-1', 'bridge']],
    ],
  );
});
