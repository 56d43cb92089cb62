// weft demo and what could go wrong with it: whatever its end, nothing of it is left, and it says in words what happened.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { control } from '../../src/cli/control.ts';
import { startJob } from './job.ts';
import { noSandbox } from './need.ts';
import { checkout, type Made, WeftWorld } from './weft-world.ts';

const kinds = ['networks', 'subnets', 'ports', 'routers', 'floatingips', 'security-groups', 'security-group-rules'];

describe('weft demo', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  let first: readonly string[];

  before(async () => {
    world = await WeftWorld.open({ hosts: 2 });
    // Looking makes a project's default group, which the demonstration need not answer for.
    for (const api of [world.member, world.other]) await api.get('/security-groups');
    first = await everything();
  });
  after(() => world[Symbol.asyncDispose]());

  /** Ids of all objects, instances, and what the hosts have: devices, namespaces, programs other than the agents' own. */
  async function everything(): Promise<string[]> {
    const objects = await Promise.all(
      kinds.map(async kind => {
        const answer = await world.admin.get<Record<string, Made[]>>(`/${kind}?fields=id`);
        return Object.values(answer).flatMap(rows => rows.map(row => `${kind} ${row.id}`));
      }),
    );
    const hosts = await Promise.all(['h1', 'h2'].map(onHost));
    return [...objects, (await world.instances()).map(instance => `instance ${instance.name}`), ...hosts].flat().sort();
  }

  async function onHost(name: string): Promise<string[]> {
    const links = (await world.host(name, 'ip', '-br', 'link')).split('\n').map(line => line.split(/[@\s]/)[0] ?? '');
    const namespaces = (await world.host(name, 'ip', 'netns')).split('\n').map(line => line.split(' ')[0] ?? '');
    const programs = (await world.host(name, 'ps', '-eo', 'comm=')).split('\n').filter(line => /dnsmasq|haproxy|radvd|dhclient/.test(line));
    return [...links, ...namespaces, ...programs].filter(Boolean).map(what => `${name} ${what}`);
  }

  const nothingIsLeft = (): Promise<void> =>
    world.until('all is as it was before', async () => JSON.stringify(await everything()) === JSON.stringify(first), 30_000);

  const start = () => startJob([`${checkout}/bin/weft`, 'demo', '--state-dir', world.folder.path]);

  test('it shows what it promises, and leaves nothing, neither in the API nor on the hosts', async () => {
    const done = await world.weft(['demo']);
    assert.equal(done.code, 0, done.stdout + done.stderr);
    for (const words of [/openstack .*network create/, /openstack .*floating ip create public/, /bytes from fd/, /timed out/i])
      assert.match(done.stdout, words);
    await nothingIsLeft();
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    test(`${signal} in the middle: it ends with an error, and leaves nothing`, async () => {
      const job = start();
      await world.until('an instance was made', async () => (await world.instances()).length > 0);
      assert.notDeepEqual(await everything(), first, 'the control: there is something to find');
      job.child.kill(signal);
      assert.notEqual(await job.done, 0);
      assert.match(job.output(), /interrupted/);
      await nothingIsLeft();
    });

  test('a state directory where nothing runs: says how to start it', async () => {
    const stateDir = `${world.folder.path}-not`;
    const job = startJob([`${checkout}/bin/weft`, 'demo', '--state-dir', stateDir]);
    assert.equal(await job.done, 1);
    assert.equal(
      job.output(),
      `weft: Weft is not running on ${stateDir}; start it with "weft up --state-dir ${stateDir}", or name another --state-dir\n`,
    );
  });

  test('Weft is killed in the middle: it ends with an error in words', async () => {
    const job = start();
    await world.until('an instance was made', async () => (await world.instances()).length > 0);
    const { pid } = await control<{ pid: number }>(world.folder, 'GET', '/status');
    process.kill(pid, 'SIGKILL');
    assert.equal(await job.done, 1);
    assert.match(job.output(), /^not removed: .*no answer from http/m);
    assert.match(job.output(), /^weft: /m);
    assert.doesNotMatch(job.output(), / at .*\.ts:\d/, 'no stack');
  });
});
