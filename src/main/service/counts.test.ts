import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig, type ServiceConfig } from '../../server/context.ts';
import { rpcCounts, workerCounts } from './counts.ts';

const gibi = 1024 ** 3;
const configOf = (service: Partial<ServiceConfig>, connection: string) => ({
  ...defaultConfig,
  ...{ service: { ...defaultConfig.service, ...service }, database: { ...defaultConfig.database, connection } },
});
const of = (service: Partial<ServiceConfig>, connection: string, cores: number, memory: number): ReturnType<typeof workerCounts> =>
  workerCounts(configOf(service, connection), { cores, memory: memory * gibi });

test('on a database server there are as many as the machine is good for, on a file one process', () => {
  const url = 'mysql+pymysql://weft@db/weft';
  assert.deepEqual(of({}, url, 8, 64), { api: 8, rpc: 4, reports: 1 });
  assert.deepEqual(of({}, url, 8, 7), { api: 3, rpc: 1, reports: 1 });
  assert.deepEqual(of({}, url, 1, 1), { api: 1, rpc: 1, reports: 1 });
  assert.equal(of({}, '', 8, 64), undefined);
  assert.equal(of({}, 'sqlite:////var/lib/weft.db', 8, 64), undefined);
});

test('what is set is done, and agents are always served', () => {
  assert.deepEqual(of({ apiWorkers: 3 }, '', 1, 1), { api: 3, rpc: 1, reports: 1 });
  assert.deepEqual(of({ apiWorkers: 1, rpcWorkers: 0, rpcStateReportWorkers: 0 }, '', 8, 64), { api: 1, rpc: 1, reports: 0 });
  assert.equal(of({ apiWorkers: 0, rpcWorkers: 4 }, 'postgresql://db/weft', 8, 64), undefined);
});

test('a server for agents alone has no process for the API, and one for agents at least', () => {
  const alone = (service: Partial<ServiceConfig>, connection: string) =>
    rpcCounts(configOf(service, connection), { cores: 8, memory: 64 * gibi });
  assert.deepEqual(alone({}, 'postgresql://db/weft'), { api: 0, rpc: 4, reports: 1 });
  assert.deepEqual(alone({ rpcWorkers: 3, rpcStateReportWorkers: 0 }, ''), { api: 0, rpc: 3, reports: 0 });
  assert.deepEqual(alone({ apiWorkers: 0, rpcWorkers: 0 }, 'postgresql://db/weft'), { api: 0, rpc: 1, reports: 1 });
});
