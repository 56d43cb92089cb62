// What the L3 agent asks the server (topic `q-l3-plugin`), in the versions that Neutron's agent sends.
import { type Bus, BusTimeout, type Target } from '../../contracts/bus.ts';
import { asList, asUuid } from '../desired/l3/values.ts';

export const serverTarget = (version: string): Target => ({ topic: 'q-l3-plugin', version });

export async function haRouterCount(bus: Bus, host: string): Promise<number> {
  const answer = await bus.call(serverTarget('1.11'), 'get_host_ha_router_count', { host });
  return typeof answer === 'number' ? answer : 0;
}

export async function routerIds(bus: Bus, host: string): Promise<string[]> {
  const answer = await bus.call(serverTarget('1.9'), 'get_router_ids', { host });
  // An answer that is no list says nothing about our routers: treating it as "none" would take them all down.
  if (!Array.isArray(answer)) throw new Error('get_router_ids did not answer a list');
  return answer.flatMap(id => asUuid(id) ?? []);
}

/** Routers per call: fewer when the server does not manage in time. */
const MOST = 256;
const FEWEST = 32;

export interface Batch {
  readonly asked: readonly string[];
  readonly routers: readonly unknown[];
}

/** So many single routers refused in a row mean that the server is unwell, not the routers. */
const REFUSALS = 8;

/** Calls `sync_routers`; remembers how many routers at a time the server manages. */
export class RouterSource {
  private readonly bus: Bus;
  private readonly host: string;
  private chunk = MOST;

  constructor(bus: Bus, host: string) {
    this.bus = bus;
    this.host = host;
  }

  /**
   * One batch after the other. A batch that the server fails on, not for want of time, is halved down to single routers,
   * so that one that it cannot describe does not hide the others; `refused` names it.
   */
  async *fetch(ids: readonly string[], refused: (id: string, error: unknown) => void): AsyncGenerator<Batch> {
    const queue = [...ids];
    let size = this.chunk;
    let inRow = 0;
    while (queue.length > 0) {
      const asked = queue.slice(0, size);
      try {
        yield { asked, routers: await this.sync(asked) };
        queue.splice(0, asked.length);
        size = Math.min(this.chunk, size * 2);
        inRow = 0;
      } catch (error) {
        if (error instanceof BusTimeout) {
          if (asked.length <= FEWEST) throw error;
          this.chunk = Math.max(FEWEST, this.chunk >> 1);
          size = Math.min(size, this.chunk);
        } else if (isRemote(error) && asked.length > 1) size = asked.length >> 1;
        else if (isRemote(error) && inRow++ < REFUSALS) {
          refused(asked[0] ?? '', error);
          queue.splice(0, 1);
        } else throw error;
      }
    }
  }

  private async sync(asked: readonly string[]): Promise<readonly unknown[]> {
    const answer = await this.bus.call(serverTarget('1.0'), 'sync_routers', { host: this.host, router_ids: asked });
    // A router that is missing is to be deleted: only a list may say so.
    if (!Array.isArray(answer)) throw new Error('sync_routers did not answer a list');
    return asList(answer);
  }
}

const isRemote = (error: unknown): boolean => error instanceof Error && error.name === 'RemoteError';
