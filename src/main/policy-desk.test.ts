// weft policy list, show and check, from words to lines.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createIdentityFile } from '../adapters/identity-builtin/state-file.ts';
import type { RuleView } from '../cli/control.ts';
import { runProgram } from '../cli/program.ts';
import { policyVerbs } from '../cli/verbs/policy.ts';
import { policies } from '../model/policies.ts';
import { buildPolicy } from '../server/policy.ts';
import type { AllInOne } from './all-in-one.ts';
import { controlRoutes } from './control-routes.ts';
import { openControl } from './control-server.ts';
import { policyDesk } from './policy-desk.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-desk-'));
  await createIdentityFile(join(dir, 'identity.json'));
});
after(() => rm(dir, { recursive: true }));

async function weft(...argv: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = { out: (line: string) => void out.push(line), err: (line: string) => void err.push(line) };
  const status = await runProgram(policyVerbs(policyDesk), ['policy', ...argv, '--state-dir', dir], terminal);
  return { status, out: out.join('\n'), err: err.join('\n') };
}
const names = (out: string): string[] => out.split('\n').map(line => line.split(' ')[0]!);

describe('weft policy', () => {
  test('list: the defaults where there is no file, and a part of them', async () => {
    const { status, out } = await weft('list');
    assert.deepEqual([status, names(out).length], [0, policies.length]);
    assert.deepEqual(names((await weft('list', 'get_agent')).out), ['get_agent']);
    const rules = JSON.parse((await weft('list', '--json')).out) as RuleView[];
    assert.ok(rules.every(rule => rule.source === 'default'));
  });

  test('list and show: what a file changes, with its place; what the file has wrong', async () => {
    const file = join(dir, 'mine.yaml');
    await writeFile(file, 'create_router: "!"\nupdate_networks_tags: "@"\ntypo: "@"\n');
    const { out } = await weft('list', '--changed', '--policy-file', file);
    assert.deepEqual(new Set(names(out)), new Set(['create_router', 'update_network:tags', 'update_networks_tags', 'typo', 'warning:']));
    const shown = (await weft('show', 'update_networks_tags', '--policy-file', file)).out;
    assert.match(shown, /^rule +update_network:tags$/m);
    assert.match(shown, /^check +@$/m);
    assert.match(shown, /^from .*mine\.yaml:2, by its deprecated name update_networks_tags$/m);
    assert.match(shown, /^requests +PUT \/networks\/\{id\}\/tags$/m);
    await writeFile(file, 'create_router: what\n');
    const refused = await weft('list', '--policy-file', file);
    assert.equal(refused.status, 1);
    assert.match(refused.err, /mine\.yaml:1:16: create_router: 'what' is no check/);
    assert.match((await weft('show', 'nothing')).err, /there is no rule nothing/);
  });

  test('check: users of the built-in identity, with the roles that they have', async () => {
    const own = await weft('check', 'create_network', '--user', 'weft');
    assert.equal(own.status, 0, own.err);
    assert.match(
      own.out,
      /^allowed: create_network\ncaller: user_id=[0-9a-f]{32} project_id=[0-9a-f]{32} roles=member,reader\nobject: project_id=/,
    );
    const shared = await weft('check', 'create_network:shared', '--user', 'weft', '--project', 'weft');
    assert.equal(shared.status, 3);
    assert.match(shared.out, /^denied: .*\n.*\n.*\nno .*rule:admin_only/);
    assert.match(shared.out, /role:admin \(the caller's roles are member, reader\)/);
    assert.equal((await weft('check', 'create_network:shared', '--user', 'admin')).status, 0);
    for (const [argv, why] of [
      [['--user', 'gone'], /there is no user gone/],
      [['--user', 'weft', '--project', 'gone'], /there is no project gone/],
      [['--user', 'weft', '--project', 'other'], /weft has no role in the project other/],
    ] as const)
      assert.match((await weft('check', 'create_network', ...argv)).err, why);
    const nobody = await weft('check', 'create_network');
    assert.deepEqual([nobody.status, /who\?/.test(nobody.err)], [2, true]);
  });

  test('check: anybody with roles, about any object', async () => {
    const check = (...more: readonly string[]): Promise<{ status: number; out: string }> =>
      weft('check', 'get_network', '--roles', 'reader', '--project', 'p1', ...more);
    assert.equal((await check()).status, 0);
    assert.equal((await check('--target', 'project_id=p2')).status, 3);
    assert.equal((await check('--target', 'project_id=p2', '--target', 'shared=true')).status, 0);
    assert.equal((await check('--target', 'project_id=p2', '--target', 'router:external=True')).status, 0);
    assert.equal((await check('--target', 'nonsense')).status, 2);
    const unknown = await weft('check', 'no_rule', '--roles', 'admin');
    assert.equal(unknown.status, 3);
    assert.match(unknown.out, /there is no such rule/);
  });

  test('check: what the server asks where there is no rule of that name: that of an attribute without one, and that of an older name', async () => {
    const member = (rule: string, ...more: readonly string[]) =>
      weft('check', rule, '--roles', 'member,reader', '--project', 'p1', ...more);
    for (const rule of ['create_network:mtu', 'update_port:qos_policy_id', 'create_trunk:sub_ports:segmentation_id']) {
      const { status, out } = await member(rule);
      assert.equal(status, 0, rule);
      assert.match(out, new RegExp(`^allowed: ${rule}, by the rule default$`, 'm'));
      assert.equal((await member(rule, '--target', 'project_id=p2')).status, 3, rule);
    }
    assert.match((await member('update_networks_tags')).out, /^allowed: update_networks_tags, by the rule update_network:tags$/m);
    for (const rule of ['create_network:nonsense', 'create_network:subnets', 'create_nonsense:mtu', 'get_network:mtu'])
      assert.match((await member(rule)).out, /there is no such rule/, rule);
  });

  test('a running Weft is asked, unless files are named', async () => {
    const policy = buildPolicy(policies, [{ name: 'create_network', check: '!', place: { file: 'theirs.yaml', line: 7, column: 1 } }]);
    const routes = controlRoutes({ policy } as AllInOne, () => {});
    await using _control = await openControl(join(dir, 'control.sock'), routes, error => assert.fail(String(error)));
    assert.match((await weft('list', '--changed')).out, /^create_network +theirs\.yaml:7 +!$/);
    assert.equal((await weft('check', 'create_network', '--user', 'admin')).status, 3);
    assert.equal((await weft('check', 'get_network', '--user', 'admin')).status, 0);
    const file = join(dir, 'empty.yaml');
    await writeFile(file, '');
    assert.equal((await weft('check', 'create_network', '--user', 'admin', '--policy-file', file)).status, 0);
  });
});
