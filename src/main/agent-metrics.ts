// `/metrics` of an agent's process: what its parts tell, and what the process needs.
import type { AgentPart } from '../agent/context.ts';
import { agentMetrics } from '../agent/metrics.ts';
import type { Log } from '../contracts/log.ts';
import type { Sample } from '../contracts/metrics.ts';
import { type MetricsServer, serveMetrics } from './service/metrics.ts';

export type MetricsPlace = Parameters<typeof serveMetrics>[0];

/** A part that cannot be asked is left out, and told of. */
export function serveAgentMetrics(where: MetricsPlace, parts: readonly AgentPart[], log: Log): Promise<MetricsServer> {
  const tell = async (part: AgentPart): Promise<readonly Sample[]> => {
    try {
      return (await part.metrics?.()) ?? [];
    } catch (error) {
      log.warning('metrics: a part could not be asked', { part: part.name, error: String(error) });
      return [];
    }
  };
  const collect = async (): Promise<readonly (readonly Sample[])[]> => [ofProcess(), ...(await Promise.all(parts.map(tell)))];
  return serveMetrics(where, collect, { metrics: agentMetrics, option: '[weft] agent_metrics_listen' });
}

function ofProcess(): Sample[] {
  const { user, system } = process.cpuUsage();
  return [
    { name: 'process_resident_memory_bytes', labels: {}, value: process.memoryUsage.rss() },
    { name: 'process_cpu_seconds_total', labels: {}, value: (user + system) / 1e6 },
  ];
}
