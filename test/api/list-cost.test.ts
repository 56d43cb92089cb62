// What lists cost in statements, for every resource of the model: as many for ten objects as for thousands. Rows are copies of one that the
// API has made, put into the store directly.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Row, Store, Value } from '../../src/contracts/store.ts';
import type { Resource } from '../../src/model/kit/resource.ts';
import { resources } from '../../src/model/registry.ts';
import { atOnce } from '../../src/server/list.ts';
import { startWorld, type Thing } from './authorisation/world.ts';
import type { Api } from './client.ts';
import type { Harness } from './harness.ts';
import { beside } from './wiring.ts';

/** The column that makes a copy another one under a unique key: a text of its own before an id, and never the parent. */
function columnToChange({ table, parent }: Resource, key: readonly string[]): string {
  const rank = (name: string): number => (table.columns[name]?.type !== 'text' ? 2 : name.endsWith('_id') ? 1 : 0);
  const free = key.filter(name => name !== parent?.column).toSorted((a, b) => rank(a) - rank(b));
  return free[0] ?? String(key[0]);
}

function copyOf(resource: Resource, row: Row, i: number): Row {
  const copy: Record<string, Value> = { ...row };
  if ('id' in row) copy.id = randomUUID();
  // Each shows its free ids, of which wide ones have many.
  if (resource.name === 'network_segment_range') copy.maximum = row.minimum ?? null;
  for (const key of [resource.table.primaryKey, ...(resource.table.unique ?? [])]) {
    if (key.length === 0 || key.includes('id')) continue;
    const name = columnToChange(resource, key);
    copy[name] = resource.table.columns[name]?.type === 'int' ? 100_000 + i : `${String(row[name])}-${i}`;
  }
  return copy;
}

/** One at most below each parent. */
const isSingle = ({ table, parent }: Resource): boolean =>
  [table.primaryKey, ...(table.unique ?? [])].some(key => key.length > 0 && key.every(name => name === parent?.column));

describe('the cost of lists', () => {
  let h: Harness;
  let things: readonly Thing[];

  const stack = new AsyncDisposableStack();
  let store: Store;
  let admin: Api;

  before(async () => {
    const world = await startWorld();
    h = stack.use(world.h);
    things = world.things;
    const other = stack.use(await beside(h.server));
    store = other.store;
    admin = other.as('admin');
  });
  after(() => stack.disposeAsync());

  /** Statements of a list, and how many objects it had: printed anew or printed before, whichever is less. */
  const cost = async (path: string): Promise<{ readonly statements: number; readonly length: number }> => {
    const asked: { statements: number; length: number }[] = [];
    for (let i = 0; i < 2; i++) {
      const before = store.statements;
      const { length } = await admin.listOnce(path);
      asked.push({ statements: store.statements - before, length });
    }
    return asked.toSorted((a, b) => a.statements - b.statements)[0] as (typeof asked)[number];
  };

  const multiply = async ({ resource, id, collection }: Thing, count: number, from = 0): Promise<void> => {
    const rows = await h.server.store.select({ table: resource.table.name, where: { eq: [resource.key, id] } });
    // Keys of some are unique below their parent only, and databases have no order of their own: the one of this collection.
    const above = new Set(collection.split('/'));
    const row = rows.find(each => Object.values(each).some(value => above.has(String(value)))) ?? rows[0];
    assert.ok(row, `${resource.name} ${id}`);
    const ops = Array.from({ length: count }, (_, i) => copyOf(resource, row, from + i)).map(
      copy => ({ op: 'insert', table: resource.table.name, row: copy }) as const,
    );
    const done = await h.server.store.commit({ guards: [], ops, outbox: [] });
    assert.ok(done.done, `${resource.name}: ${JSON.stringify(done)}`);
  };

  test('every list takes as many statements for many objects as for a few', async () => {
    const listed = resources.filter(r => r.stored && r.verbs.includes('list') && !isSingle(r));
    assert.ok(listed.length > 10, String(listed.length));
    for (const resource of listed) {
      const thing = things.find(t => t.resource === resource && (t.at === undefined || t.at.kind === 'own'));
      assert.ok(thing, `there is no ${resource.name}`);
      await multiply(thing, 9);
      const few = await cost(thing.collection);
      const fewRead = await cost(`${thing.collection}?fields=${resource.key}`);
      await multiply(thing, 1200, 9);
      const many = await cost(thing.collection);
      const manyRead = await cost(`${thing.collection}?fields=${resource.key}`);
      assert.ok(many.length >= 1200, `${resource.name}: ${many.length} objects`);
      // One more where only some of the many name something that has to be looked up.
      const what = `${resource.name}: ${few.statements} for ${few.length}, ${many.statements} for ${many.length} objects`;
      assert.ok(many.statements <= few.statements + 1, what);
      assert.ok(
        manyRead.statements <= fewRead.statements + 1,
        `${resource.name}: ${fewRead.statements}, ${manyRead.statements} with fields`,
      );
      assert.ok(few.statements <= 12, `${resource.name}: ${few.statements} statements`);
    }
  });

  test('no sort key and no filter of any resource makes the server fail', async () => {
    const failed: string[] = [];
    for (const resource of resources.filter(r => r.verbs.includes('list'))) {
      const collection = things.find(t => t.resource === resource)?.collection ?? resource.path;
      for (const [name, field] of Object.entries(resource.fields)) {
        const asked = [
          ...(field.sort ? ['asc', 'desc'].map(dir => `sort_key=${name}&sort_dir=${dir}&limit=2`) : []),
          ...(field.filter ? ['', 'zz', '1', 'true', '10.0.0.0/8'].map(value => `limit=2&${name}=${value}`) : []),
        ];
        for (const query of asked) {
          const { status } = await h.admin.request('GET', `${collection}?${query}`);
          if (status !== 200 && !(status === 400 && !query.startsWith('sort_key'))) failed.push(`${collection}?${query}: ${status}`);
        }
      }
    }
    assert.deepEqual(failed, []);
  });

  test('ten thousand take as many statements as thirty, printed before or not; more are read in pieces, so that others get their turn', async () => {
    const port = things.find(t => t.what === 'own port') as Thing;
    const network_id = (await h.admin.make('networks', 'network', {})).id;
    const { id } = await h.admin.make('ports', 'port', { network_id });
    const ports = `ports?network_id=${network_id}`;
    const costs = async (limit: number) => ({
      printed: await cost(`${ports}&limit=${limit}`),
      read: await cost(`${ports}&limit=${limit}&fields=id`),
    });
    await multiply({ ...port, id: String(id) }, 30);
    const few = await costs(30);
    await multiply({ ...port, id: String(id) }, atOnce, 30);
    const many = await costs(atOnce);
    assert.ok(many.printed.length === atOnce && many.read.length === atOnce);
    assert.ok(many.read.statements <= few.read.statements + 2, `${many.read.statements} for ${atOnce}, ${few.read.statements} for thirty`);
    // Some may have had to be read again, for want of room.
    const most = few.printed.statements + few.read.statements + 2;
    assert.ok(many.printed.statements <= most, `${many.printed.statements} for ${atOnce}, at most ${most}`);
    const all = await cost(`${ports}&fields=id`);
    assert.equal(all.length, atOnce + 31);
    assert.ok(all.statements > many.read.statements && all.statements <= 2 * few.read.statements + 2, String(all.statements));
  });
});
