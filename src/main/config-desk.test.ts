import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../cli/program.ts';
import { configVerbs } from '../cli/verbs/config.ts';
import { configDesk } from './config-desk.ts';

interface Answer {
  readonly status: number;
  readonly lines: readonly string[];
}

/** `weft config …` in a folder with these files; the folder's name is `F` in what comes back. */
async function weft(files: Readonly<Record<string, string>>, argv: (folder: string) => readonly string[]): Promise<Answer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-config-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const lines: string[] = [];
    const note = (line: string): void => void lines.push(...line.replaceAll(folder, 'F').split('\n'));
    const status = await runProgram(configVerbs(configDesk), argv(folder), { out: note, err: note });
    return { status, lines };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const neutron = `[DEFAULT]
core_plugin = ml2
transport_url = rabbit://weft:geheim1@controller,weft:geheim2@other
state_path = /srv/weft
bind_host = 0.0.0.0
[database]
sql_connection = mysql+pymysql://weft:geheim3@controller/weft
[oslo_concurrency]
lock_path = $state_path/tmp
[oslo_policy]
policy_dirs = policy.d
policy_dirs = more.d
`;

const files = {
  'neutron.conf': neutron,
  'ml2_conf.ini': '[ml2]\nmechanism_drivers = linuxbridge\n',
  'd/10.conf': '[ML2]\npath_mtu = 9000\n',
};
const named = (folder: string): string[] => [
  ...['--config-file', join(folder, 'neutron.conf'), '--config-file', join(folder, 'ml2_conf.ini')],
  ...['--config-dir', join(folder, 'd')],
];

test('show: each value with where it comes from, and no password', async () => {
  const { status, lines } = await weft(files, folder => ['config', 'show', '--listen', '127.0.0.1:9999', ...named(folder)]);
  assert.equal(status, 0);
  const value = (name: string): string[] => lines.filter(line => line.startsWith(`${name} =`)).map(line => line.replace(/ {2,}/g, ' '));
  assert.deepEqual(value('bind_host'), ['bind_host = 127.0.0.1 # --listen']);
  assert.deepEqual(value('bind_port'), ['bind_port = 9999 # --listen']);
  assert.deepEqual(value('connection'), [
    'connection = mysql+pymysql://weft:***@controller/weft # F/neutron.conf:7, as [database] sql_connection',
  ]);
  assert.deepEqual(value('transport_url')[0], 'transport_url = rabbit://weft:***@controller,weft:***@other # F/neutron.conf:3');
  assert.deepEqual(value('policy_dirs'), ['policy_dirs = policy.d # F/neutron.conf:11', 'policy_dirs = more.d # F/neutron.conf:12']);
  assert.deepEqual(value('path_mtu'), ['path_mtu = 9000 # F/d/10.conf:2']);
  assert.deepEqual(value('max_routes'), ['max_routes = 30 # default']);
  assert.deepEqual(value('policy_file'), ['policy_file = # not set']);
  assert.match(String(value('lock_path')), /^lock_path = \/srv\/weft\/tmp # F\/neutron\.conf:9; no effect: /);
  assert.deepEqual(value('api_paste_config'), [], 'what has no effect and is not set is not shown');
  assert.ok(lines.includes('warning: F/neutron.conf:7: [database] sql_connection is an older name of [database] connection'));
  assert.doesNotMatch(lines.join('\n'), /geheim/);
});

test('show: a part of it, what was set, as JSON', async () => {
  const json = async (...more: readonly string[]): Promise<{ options: { name: string; value: unknown; from: string[] }[] }> =>
    JSON.parse((await weft(files, folder => ['config', 'show', '--json', ...named(folder), ...more])).lines.join('\n'));
  const set = (await json('--changed')).options.map(({ name }) => name);
  assert.deepEqual(set.toSorted(), [
    'bind_host',
    'connection',
    'core_plugin',
    'lock_path',
    'mechanism_drivers',
    'path_mtu',
    'policy_dirs',
    'state_path',
    'transport_url',
  ]);
  assert.deepEqual(
    (await json('path_mtu')).options.map(({ value, from }) => [value, from]),
    [['9000', ['F/d/10.conf:2']]],
  );
});

test('show: what is wrong is shown, and the status says so', async () => {
  const { status, lines } = await weft({ 'a.conf': '[DEFAULT]\nmax_routes = many\n' }, folder => [
    ...['config', 'show', 'max_routes', '--config-file', join(folder, 'a.conf')],
  ]);
  assert.equal(status, 1);
  assert.deepEqual(
    lines.filter(line => /^(max|error)/.test(line)).map(line => line.replace(/ {2,}/g, ' ')),
    ['max_routes = many # F/a.conf:2', 'error: F/a.conf:2: max_routes = many: a number from 0 to 1000 is wanted'],
  );
});

const folder = {
  'neutron.conf': '[DEFAULT]\ncore_plugin = ml2\n[agent]\nroot_helper = sudo x\n[ironic]\nx = 1\n',
  'plugins/ml2/ml2_conf.ini': '[ml2]\nmechanism_drivers = linuxbridge,l2population\nextension_drivers = port_security\n',
  'plugins/ml2/linuxbridge_agent.ini': '[linux_bridge]\nphysical_interface_mappings = provider:eth1\n',
  'server.conf.d/x.conf': '[DEFAULT]\nmax_routes = 7\n',
  'api-paste.ini': 'nothing that is looked at',
};

test('check: a folder as distributions lay it, every program with its own files', async () => {
  const { status, lines } = await weft(folder, path => ['config', 'check', path]);
  assert.deepEqual(
    lines.filter(line => /^(API|Linux|.*error:)/.test(line)),
    [
      'API server: F/neutron.conf, F/plugins/ml2/ml2_conf.ini, F/server.conf.d/x.conf',
      'Linux bridge agent: F/neutron.conf, F/plugins/ml2/linuxbridge_agent.ini',
    ],
  );
  assert.equal(lines.at(-1), 'it would work: 0 errors, 0 warnings');
  assert.deepEqual(
    lines.filter(line => line.includes('note:')).map(line => line.trim()),
    [
      'note: F/neutron.conf:6: [ironic] x has no effect here, because Ironic hears nothing',
      'note: F/neutron.conf:4: [agent] root_helper has no effect here, because the agent runs as root itself',
    ],
    'each program has a note of what is its own alone',
  );
  assert.equal(status, 0);
});

test('check: drivers that there are not, wrong values and a policy that is wrong', async () => {
  const wrong = { ...folder, 'plugins/ml2/ml2_conf.ini': '[ml2]\nmechanism_drivers = ovn\n', 'plugins/ml2/sriov_agent.ini': '' };
  const { status, lines } = await weft(wrong, path => ['config', 'check', path]);
  assert.equal(status, 1);
  const said = lines.map(line => line.trim());
  assert.match(
    String(said.find(line => line.startsWith('error'))),
    /ml2_conf\.ini:2: mechanism_drivers = ovn: .* since there is no OVN here$/,
  );
  assert.ok(said.includes('note: there is no SR-IOV agent here: the file is for nobody'));
  assert.match(String(said.at(-1)), /^it would not work: 1 error, /);
  const policy = { ...folder, 'neutron.conf': '[oslo_policy]\npolicy_file = p.yaml\n', 'p.yaml': 'get_network: rule:gone\n' };
  const { lines: more } = await weft(policy, path => ['config', 'check', path, '--json']);
  const { works, programs } = JSON.parse(more.join('\n')) as { works: boolean; programs: { program: string; errors: string[] }[] };
  assert.equal(works, false);
  assert.match(String(programs[0]?.errors), /p\.yaml:1:1: get_network: .*gone/);
});

test('check: what is no folder of Neutron, and a program that there is not', async () => {
  const { status, lines } = await weft({}, path => ['config', 'check', path]);
  assert.deepEqual([status, lines], [1, ['weft: there are no files of Neutron in F']]);
  assert.equal((await weft(folder, path => ['config', 'check', path, '--program', 'nova'])).status, 2);
  assert.equal((await weft(folder, path => ['config', 'check', path, '--config-file', 'x'])).status, 2);
  const one = await weft(folder, path => ['config', 'check', path, '--program', 'server']);
  assert.equal(
    one.lines.some(line => line.startsWith('Linux')),
    false,
  );
});

test("check: of files that are named, an agent's own is looked at as the agent's", async () => {
  const own = { 'neutron.conf': '[DEFAULT]\ncore_plugin = ml2\n', 'openvswitch_agent.ini': '[ovs]\nbridge_mappings = public\n' };
  const check = (...more: readonly string[]): Promise<Answer> =>
    weft(own, path => ['config', 'check', ...more, ...Object.keys(own).flatMap(name => ['--config-file', join(path, name)])]);
  const { status, lines } = await check();
  assert.equal(status, 1);
  assert.deepEqual(
    lines.filter(line => /^(API|Open)/.test(line)),
    ['API server', 'Open vSwitch agent'].map(title => `${title}: F/neutron.conf, F/openvswitch_agent.ini`),
  );
  assert.match(lines.join('\n'), /error: F\/openvswitch_agent\.ini:2: bridge_mappings = public: pairs/);
  assert.equal((await check('--program', 'server')).status, 0);
});
