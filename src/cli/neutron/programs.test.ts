import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { UsageError } from '../verb.ts';
import { neutronPrograms, type Spoken, type Surroundings, translate } from './programs.ts';

const nothing: Surroundings = { env: {}, exists: () => false };
const argvOf = (spoken: Spoken): readonly string[] => (spoken.kind === 'verb' ? spoken.argv : ['said', ...spoken.lines]);
const of = (line: string, around = nothing): string => {
  const [program = '', ...argv] = line.split(' ');
  return argvOf(translate(program, argv, around)).join(' ');
};

test('neutron-server with files in their order, and what oslo.log would take', () => {
  assert.equal(
    of('neutron-server --config-file /etc/neutron/neutron.conf --config-dir=/etc/neutron/server --debug --config-file ml2.ini'),
    'server --config-file /etc/neutron/neutron.conf --config-dir /etc/neutron/server --debug --config-file ml2.ini',
  );
  const spoken = translate(
    'neutron-server',
    ['--log-file', '/var/log/neutron/server.log', '--use-journal', '--state_path=/var/lib/neutron'],
    nothing,
  );
  assert.deepEqual(spoken, { kind: 'verb', argv: ['server', '--state-dir', '/var/lib/neutron'], idle: ['--log-file', '--use-journal'] });
  assert.equal(of('neutron-server --listen 0.0.0.0:9696'), 'server --listen 0.0.0.0:9696');
  assert.throws(() => of('neutron-server --config-file'), UsageError);
});

test('without files those of /etc/neutron that are there', () => {
  const there = new Set(['/etc/neutron/neutron.conf', '/etc/neutron/neutron-server.conf.d']);
  assert.equal(
    of('neutron-server', { env: { WEFT_STATE_DIR: '/srv/weft' }, exists: path => there.has(path) }),
    'server --config-file /etc/neutron/neutron.conf --config-dir /etc/neutron/neutron-server.conf.d',
  );
});

test('neutron-rpc-server answers agents beside a server, in a state directory of its own', () => {
  assert.equal(of('neutron-rpc-server --config-file n.conf'), 'rpc-server --config-file n.conf --state-dir /var/lib/weft/rpc-server');
});

test('neutron-db-manage', () => {
  const at = '--config-file n.conf';
  for (const [line, expected] of [
    ['--config-file n.conf upgrade heads', `db upgrade ${at}`],
    ['--config-file n.conf --subproject neutron upgrade head', `db upgrade ${at}`],
    ['--config-file n.conf upgrade --expand', `db upgrade ${at}`],
    ['--config-file n.conf upgrade 0001', `db upgrade ${at} 0001`],
    ['--database-connection mysql://u:p@h/d upgrade heads', 'db upgrade --connection mysql://u:p@h/d'],
    ['--config-file n.conf --database-engine x current --verbose', `db current ${at}`],
    ['--config-file n.conf check', `db check ${at}`],
    ['history --verbose', 'db history --verbose'],
    ['heads', 'db history --head'],
    ['branches', 'said'],
  ] as const)
    assert.equal(of(`neutron-db-manage ${line}`), expected, line);
  assert.match(of('neutron-db-manage upgrade --contract'), /^said nothing to do/);
  assert.match(of('neutron-db-manage has_offline_migrations'), /^said no offline migrations pending/);
});

test('what neutron-db-manage cannot do here is said', () => {
  for (const [line, why] of [
    ['upgrade', /upgrade to what/],
    ['upgrade +1', /number, name or id/],
    ['upgrade --sql heads', /--dry-run/],
    ['upgrade heads more', /what is "more" for/],
    ['downgrade 1', /no way back/],
    ['stamp head', /not stamped/],
    ['--subproject vpnaas upgrade heads', /no subproject vpnaas/],
    ['--frobnicate upgrade heads', /no option --frobnicate/],
    ['', /which command/],
    ['purge', /no command purge/],
  ] as const)
    assert.throws(
      () => of(`neutron-db-manage ${line}`.trim()),
      (error: Error) => error instanceof UsageError && why.test(error.message),
      line,
    );
});

test("neutron-status, and programs that are somebody else's", () => {
  assert.equal(of('neutron-status --config-file n.conf upgrade check --json'), 'upgrade check --config-file n.conf --json');
  assert.throws(() => of('neutron-status upgrade'), UsageError);
  assert.throws(() => of('neutron-bgp-agent'), /does not stand in for neutron-bgp-agent/);
});

test('agents: their files, where they log, and the rest as oslo.log has it', () => {
  const files = '--config-file /etc/neutron/neutron.conf --config-file=/etc/neutron/dhcp_agent.ini';
  assert.equal(
    of(`neutron-dhcp-agent ${files} --log-file=/var/log/neutron/dhcp.log --debug`),
    'agent dhcp --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/dhcp_agent.ini --debug --log-file /var/log/neutron/dhcp.log',
  );
  const spoken = translate('neutron-l3-agent', ['--state_path', '/srv/n', '--use-syslog', '--logdir', '/l'], nothing);
  assert.deepEqual(argvOf(spoken), ['agent', 'l3', '--state-path', '/srv/n', '--log-dir', '/l']);
  assert.ok(spoken.kind === 'verb' && spoken.idle.join() === '--use-syslog' && /standard error/.test(spoken.because ?? ''));
  const there = new Set(['/etc/neutron/neutron.conf', '/etc/neutron/neutron-metadata-agent.conf.d']);
  assert.equal(
    of('neutron-metadata-agent', { env: {}, exists: path => there.has(path) }),
    'agent metadata --config-file /etc/neutron/neutron.conf --config-dir /etc/neutron/neutron-metadata-agent.conf.d',
  );
  assert.equal(of('neutron-linuxbridge-agent --config-file l.ini'), 'agent linuxbridge --config-file l.ini');
  assert.equal(of('neutron-openvswitch-agent --config-file o.ini'), 'agent openvswitch --config-file o.ini');
  assert.throws(() => of('neutron-sriov-nic-agent'), /does not stand in for neutron-sriov-nic-agent/);
});

test('what agents leave', () => {
  assert.equal(
    of('neutron-netns-cleanup --config-file n.conf --agent-type dhcp --force --debug'),
    'cleanup namespaces --config-file n.conf --agent-type dhcp --force',
  );
  assert.equal(of('neutron-linuxbridge-cleanup --config-file l.ini'), 'cleanup bridges --config-file l.ini');
  assert.equal(of('neutron-ovs-cleanup --config-file o.ini --log-file /l --ovs_all_ports'), 'cleanup ovs --config-file o.ini --all-ports');
  assert.equal(of('neutron-ovs-cleanup --noovs_all_ports --force'), 'cleanup ovs --plugged-ports --force');
});

test('npm and a checkout have a link for each name', () => {
  const { bin } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { bin: Record<string, string> };
  const names = Object.keys(neutronPrograms);
  assert.deepEqual(Object.keys(bin).toSorted(), ['weft', ...names].toSorted());
  for (const name of names) {
    assert.equal(bin[name], 'bin/weft');
    assert.equal(readlinkSync(new URL(`../../../bin/${name}`, import.meta.url)), 'weft');
  }
});
