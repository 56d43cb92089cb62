// How many processes a server is.
import { availableParallelism, totalmem } from 'node:os';
import type { ServerConfig } from '../../server/context.ts';
import { isFile } from '../store.ts';

export interface WorkerCounts {
  readonly api: number;
  readonly rpc: number;
  /** For the heartbeats of agents alone. */
  readonly reports: number;
}

export interface Machine {
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
}

/** What a process may come to need, by Neutron's reckoning. */
const perWorker = 2 * 1024 ** 3;

/**
 * Undefined: one process that does everything. As with Neutron, there is an API worker for each core, as far as there is memory, and half as many
 * for agents. A file is written by one process at a time, so several gain little on it, and there are some only where they are asked for.
 */
export function workerCounts({ service, database }: ServerConfig, machine: Machine = thisMachine()): WorkerCounts | undefined {
  const { apiWorkers, rpcWorkers, rpcStateReportWorkers } = service;
  const api = apiWorkers ?? (isFile(database) ? 0 : Math.max(1, Math.min(machine.cores, Math.floor(machine.memory / perWorker))));
  if (api === 0) return undefined;
  return { api, rpc: Math.max(1, rpcWorkers ?? Math.floor(api / 2)), reports: rpcStateReportWorkers };
}

/** Of a server that answers agents alone: as many for them as one with an API has, at least one. */
export function rpcCounts(config: ServerConfig, machine: Machine = thisMachine()): WorkerCounts {
  const { api, ...counts } = workerCounts(config, machine) ?? { api: 0, rpc: Math.max(1, config.service.rpcWorkers ?? 1), reports: 0 };
  return { ...counts, api: 0, reports: config.service.rpcStateReportWorkers };
}

const thisMachine = (): Machine => ({ cores: availableParallelism(), memory: totalmem() });
