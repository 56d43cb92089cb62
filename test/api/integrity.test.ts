// Whatever several do at once, in two processes of which one is killed meanwhile, and whatever one does in the middle of the other: no row
// names what is gone, rows that belong together agree, and quotas count what is there.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import { resources } from '../../src/model/registry.ts';
import { unknownColumns } from '../../src/server/audit/references.ts';
import type { Api } from './client.ts';
import { type Member, startCluster } from './cluster.ts';
import { addL3Agent } from './integrity/agent-kinds.ts';
import { agentWork } from './integrity/agents.ts';
import { type Chance, chance } from './integrity/chance.ts';
import { Client, Quarrel, type Server, type Shared, Tally } from './integrity/clients.ts';
import { next } from './integrity/makings.ts';
import { Objects } from './integrity/objects.ts';
import { addHosts, layScene } from './integrity/scene.ts';
import { trial } from './integrity/trials.ts';
import { wrongIn } from './integrity/wrong.ts';
import { interleave } from './interleaving.ts';
import { openDatabase } from './open-database.ts';
import { servicesOver } from './wiring.ts';

const lasts = Number(process.env.WEFT_INTEGRITY_SECONDS ?? 10) * 1000;
/** The choices of each client follow from it; which of two requests comes first does not. */
const seed = Number(process.env.WEFT_INTEGRITY_SEED ?? randomInt(2 ** 31));
const clients = 6;
const quarrels = 4;

const quotas = Object.fromEntries(resources.map(r => [r.name, 100_000]));
const config = { quotas, vlanRanges: { p1: [[1, 4000]], p2: [[1, 4000]] }, agentDownTime: 3600, servicePlugins: ['evpn'] } as const;

/** One of the agents that no host has goes, or another comes. */
async function replaceAgent(store: Store, api: Api, { tally }: Shared, by: Chance): Promise<unknown> {
  const agents = await api.list('agents?agent_type=L3%20agent');
  const spare = agents.filter(a => String(a.host).startsWith('spare'));
  if (spare.length < 3) return addL3Agent(store, `spare${next(1_000_000)}`, by.pick(['legacy', 'dvr', 'dvr_snat']));
  const gone = `agents/${by.pick(spare).id}`;
  const answer = await api.request('DELETE', gone);
  return tally.answered(answer.status, `DELETE ${gone}`, answer.body);
}

/** Until the time is over, again and again. */
async function repeat(work: () => Promise<unknown>, end: number, pauseMs = 0): Promise<void> {
  while (Date.now() < end) {
    await work();
    if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs));
  }
}

/** However slow a machine is, it comes to these. */
const much = ['POST networks', 'POST routers', 'POST ndp-proxies', 'POST local-ips', 'PUT routers/*', 'GET auto-allocated-topology/*'];

test(`two servers, one killed meanwhile, all at once: rows agree, and quotas count them (WEFT_INTEGRITY_SEED=${seed})`, async () => {
  await using cluster = await startCluster(1, config);
  await cluster.join({ farMs: 1 });
  await using store = await openDatabase(cluster.file);
  await addHosts(store);
  const scene = await layScene(cluster.as('admin'));
  const shared: Shared = { objects: new Objects(), scene, tally: new Tally() };
  const { tally, objects } = shared;
  const end = Date.now() + lasts;
  const agents = agentWork(servicesOver(store, config), objects, scene, chance(seed + 1000));
  const by = chance(seed + 2000);
  const servers: readonly Server[] = [0, 1].map(i => () => cluster.servers[i] as Member);
  const work = [
    ...Array.from({ length: clients }, (_, i) => new Client(shared, servers[i % 2] as Server, chance(seed + i))),
    ...Array.from({ length: quarrels }, (_, i) => new Quarrel(shared, servers, chance(seed + 100 + i))),
  ];
  const crash = async (): Promise<void> => {
    await new Promise(resolve => setTimeout(resolve, lasts / 2));
    await cluster.restart(1);
  };
  await Promise.all([
    ...work.map(client => repeat(() => client.step(), end)),
    repeat(agents, end, 20),
    repeat(() => replaceAgent(store, cluster.as('admin'), shared, by), end, 300),
    crash(),
  ]);
  assert.deepEqual(tally.failed, []);
  assert.ok(tally.lost > 0, 'somebody was waiting for an answer of the server that was killed');
  assert.deepEqual(await wrongIn(store), []);
  assert.deepEqual(
    much.filter(kind => tally.of(kind) === 0),
    [],
    JSON.stringify(tally.kinds()),
  );
});

test(`one request in the middle of another, again and again: the same (WEFT_INTEGRITY_SEED=${seed})`, async () => {
  await using place = await interleave(config);
  await addHosts(place.store);
  const scene = await layScene(place.other('admin'));
  const tally = new Tally();
  const by = chance(seed + 3000);
  const end = Date.now() + lasts;
  for (let trials = 1; Date.now() < end; trials++) {
    await trial(place, { objects: new Objects(), scene, tally }, by);
    const wrong = trials % 8 === 0 ? await wrongIn(place.store) : [];
    assert.deepEqual([...tally.failed, ...wrong], [], tally.recent.join('\n'));
  }
  assert.deepEqual(await wrongIn(place.store), [], tally.recent.join('\n'));
});

test('every column that names something is looked at', () => assert.deepEqual(unknownColumns(), []));
