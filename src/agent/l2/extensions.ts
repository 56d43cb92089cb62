// `[agent] extensions`: what an L2 agent does besides, when it is told to.
import type { AgentContext } from '../context.ts';

export function tellOfExtensions({ config, log }: AgentContext, known: readonly string[]): void {
  const unknown = (config.extensions ?? []).filter(name => !known.includes(name));
  if (unknown.length > 0) log.warning('extensions that this agent does not have', { extensions: unknown, it_has: known });
}
