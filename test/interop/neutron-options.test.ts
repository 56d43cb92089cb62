// Every option that Neutron's own sample files name (Debian's, where they stand as comments) is known here by its name.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { ConfigView } from '../../src/cli/verbs/config.ts';
import { configDesk } from '../../src/main/config-desk.ts';

const samples: Readonly<Record<string, string>> = {
  'neutron.conf': '/usr/share/neutron-common/neutron.conf',
  'plugins/ml2/ml2_conf.ini': '/usr/share/neutron-common/plugins/ml2/ml2_conf.ini',
  'plugins/ml2/linuxbridge_agent.ini': '/etc/neutron/plugins/ml2/linuxbridge_agent.ini',
  'plugins/ml2/openvswitch_agent.ini': '/etc/neutron/plugins/ml2/openvswitch_agent.ini',
  'dhcp_agent.ini': '/usr/share/neutron-common/dhcp_agent.ini',
  'l3_agent.ini': '/usr/share/neutron-common/l3_agent.ini',
  'metadata_agent.ini': '/usr/share/neutron-metadata-agent/metadata_agent.ini',
};
const missing = Object.values(samples).filter(path => !existsSync(path));
const packages = 'neutron-common, neutron-linuxbridge-agent, neutron-openvswitch-agent, neutron-metadata-agent';
const skip = missing.length > 0 ? `no ${missing.join(', ')} here (Debian: ${packages})` : false;

/** What is said of a folder with the samples, each of them changed. */
async function check(change: (text: string) => string): Promise<readonly ConfigView[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-samples-'));
  try {
    for (const [name, path] of Object.entries(samples)) {
      const copy = join(folder, name);
      mkdirSync(dirname(copy), { recursive: true });
      cpSync(path, copy);
      writeFileSync(copy, change(readFileSync(path, 'utf8')));
    }
    const place = { program: undefined, listen: undefined, stateDir: undefined, policyFile: undefined, configSources: [] };
    return await configDesk.check(place, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Comments that show an option or a section become that. */
const shown = (text: string): string => text.replace(/^#(\[|[a-z0-9_]+ ?=)/gm, '$1').replaceAll('<None>', '');

test('no name in them is unknown, whichever program reads it', { skip }, async () => {
  const views = await check(shown);
  assert.equal(views.length, 6);
  const names = views.flatMap(({ title, warnings }) =>
    warnings.filter(line => line.includes('not known')).map(line => `${title}: ${line}`),
  );
  assert.deepEqual(names, []);
});

test('as they are packaged, but for Linux bridges in the place of Open vSwitch, they work', { skip }, async () => {
  const views = await check(text => text.replaceAll(/^(mechanism_drivers|interface_driver) = openvswitch/gm, '$1 = linuxbridge'));
  const problems = views.flatMap(({ title, errors }) => errors.map(error => `${title}: ${error}`));
  // Of Keystone and the database they name what an administrator has to fill in.
  const wanted = /needs password in \[keystone_authtoken\]|needs .*transport_url|transport_url .*wanted/;
  assert.deepEqual(
    problems.filter(problem => !wanted.test(problem)),
    [],
  );
});
