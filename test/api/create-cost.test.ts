// What a create costs in statements on a database server, where each that waits for an answer is a way there and back: reads, and one commit
// whose rows go together by table. On SQLite, where a statement costs nothing to send, each row has its own.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import { type Api, client } from './client.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { serveOver } from './wiring.ts';

const onServer = ['mariadb', 'postgres'].includes(process.env['WEFT_TEST_STORE'] ?? '');
const stack = new AsyncDisposableStack();
let store: Store;
let member: Api;

// Without the jobs of a server, whose statements would be counted too.
before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-cost-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  store = stack.use(await openDatabase(await newDatabase(dir)));
  member = client(stack.use(await serveOver(store)).url, 'member');
});
after(() => stack.disposeAsync());

async function cost(make: () => Promise<unknown>): Promise<number> {
  const was = store.statements;
  await make();
  return store.statements - was;
}

test('a port costs a fixed number of statements, whatever it has of addresses and groups', async t => {
  const network = await member.make('networks', 'network', { name: 'n' });
  const subnet = await member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const groups: string[] = [];
  for (let i = 0; i < 5; i++) groups.push((await member.make('security-groups', 'security_group', { name: `g${i}` })).id);
  const port = (more: object) => cost(() => member.make('ports', 'port', { network_id: network.id, ...more }));
  const addresses = (n: number) => Array.from({ length: n }, () => ({ subnet_id: subnet.id }));
  const plain = await port({});
  const one = await port({ security_groups: groups.slice(0, 1), fixed_ips: addresses(1) });
  const rich = await port({ security_groups: groups, fixed_ips: addresses(5) });
  t.diagnostic(`${plain} statements, ${one} with an address and a group by name, ${rich} with five of each`);
  // Limits, so that nobody needs more by accident: ten reads and a commit of ten.
  assert.ok(plain <= 20, `${plain}`);
  assert.ok(one <= 21, `${one}`);
  if (onServer) assert.equal(rich, one);
});
