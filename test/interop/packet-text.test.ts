// What is written of packets, beside what os-ken (Debian's), which writes Neutron's lines, prints of the same ones.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readLayers } from '../../src/agent/render/packet/layers.ts';
import { echoes, packets } from '../../src/agent/render/packet/samples.suite.ts';
import { packetText } from '../../src/agent/render/packet/text.ts';

const python = '/usr/bin/python3';
const skip = spawnSync(python, ['-c', 'import os_ken']).status === 0 ? false : 'no os-ken here (Debian: python3-os-ken)';

const printer = `
import sys
from os_ken.lib.packet import packet
for line in sys.stdin: print(packet.Packet(bytes.fromhex(line.strip())))
`;

/** Without what it carries, and the chunks and options that are left out here. */
const stripped = (text: string): string =>
  text
    .replaceAll(/, (bytearray\()?b'[^']*'\)?$/g, '')
    .replaceAll(/data=(bytearray\()?b'[^']*'\)?,/g, '')
    .replaceAll(/,option=nd_option\w+\([^)]*\)/g, '');

test('os-ken prints the same headers', { skip }, () => {
  // Debian's os-ken takes an SCTP header without chunks for none.
  const all = [...packets, ...echoes].map(([hex]) => hex).filter(hex => !hex.includes('ff84a763'));
  const { stdout, stderr, status } = spawnSync(python, ['-c', printer], { input: `${all.join('\n')}\n`, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    all.map(hex => packetText(readLayers(Buffer.from(hex, 'hex')))),
    stdout.trim().split('\n').map(stripped),
  );
});
