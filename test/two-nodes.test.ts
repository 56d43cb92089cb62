// The guide of two nodes: what its files say is known, right, and what the text says of them.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { configDesk } from '../src/main/config-desk.ts';
import { filesOf, type GuideFile } from './guide-page.ts';

const page = readFileSync(join(import.meta.dirname, '../docs/guide/two-nodes.md'), 'utf8');
const files = filesOf(page);

async function check(shown: readonly GuideFile[], change = (text: string): string => text) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-two-nodes-'));
  try {
    for (const { path, text } of shown) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, change(text));
    }
    const place = { program: undefined, listen: undefined, stateDir: undefined, policyFile: undefined, configSources: [] };
    return await configDesk.check(place, join(folder, 'etc/neutron'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [where, programs] of [
  ['controller', ['server', 'linuxbridge-agent', 'dhcp-agent', 'l3-agent', 'metadata-agent']],
  ['compute node', ['server', 'linuxbridge-agent']],
] as const)
  test(`the files of the ${where} have nothing that is not known, and nothing wrong`, async () => {
    const views = (await check(files.filter(file => file.where === where))).filter(({ program }) =>
      (programs as readonly string[]).includes(program),
    );
    assert.ok(views.length >= programs.length - 1);
    for (const { title, errors, warnings } of views) assert.deepEqual({ title, errors, warnings }, { title, errors: [], warnings: [] });
  });

test('with provider networks only, too', async () => {
  const changes: readonly (readonly [RegExp, string])[] = [
    [/^service_plugins = .*$/m, 'service_plugins ='],
    [/^tenant_network_types = .*$/m, 'tenant_network_types ='],
    [/^mechanism_drivers = .*$/m, 'mechanism_drivers = linuxbridge'],
    [/^enable_vxlan = true\nlocal_ip = .*\nl2_population = true$/m, 'enable_vxlan = false'],
  ];
  const change = (text: string): string => changes.reduce((out, [pattern, by]) => out.replace(pattern, by), text);
  const views = await check(
    files.filter(file => file.where === 'controller' && !file.path.includes('l3_agent')),
    change,
  );
  assert.deepEqual(
    views.flatMap(({ errors }) => errors),
    [],
  );
});
