// The door to tc: one batch for all changes, and what it prints as JSON.
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns, Refusal } from '../../../contracts/host/netns.ts';
import type { Qdisc, QdiscChange, Qdiscs } from '../../../contracts/host/qdiscs.ts';
import { refusals } from '../links/batch.ts';
import { BadWord, device, integer } from '../names.ts';
import { complaint, type Tools } from '../tools.ts';

interface Printed {
  readonly dev: string;
  readonly kind: string;
  readonly handle: string;
  readonly root?: boolean;
  readonly parent?: string;
  readonly options?: { readonly rate?: number; readonly burst?: number; readonly lat?: number };
}

export class TcTool implements Qdiscs {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async list(ns: Netns): Promise<readonly Qdisc[]> {
    const found = (await this.print<Printed>(ns, ['tc', '-j', 'qdisc', 'show'])).map(read);
    return Promise.all(found.map(async q => (q.at === 'ingress' ? { ...q, filters: await this.filters(ns, q.dev) } : q)));
  }

  async apply(ns: Netns, changes: readonly QdiscChange[]): Promise<readonly Refusal[]> {
    const refused: Refusal[] = [];
    const lines = changes.flatMap((change, index) => {
      try {
        return [{ index, text: lineOf(change) }];
      } catch (error) {
        if (!(error instanceof BadWord)) throw error;
        refused.push({ index, reason: error.message });
        return [];
      }
    });
    if (lines.length === 0) return refused;
    const result = await this.tools.tool(ns, ['tc', '-force', '-batch', '-'], { input: lines.map(l => `${l.text}\n`).join('') });
    return [...refused, ...refusals(lines, result.code, result.stderr)].sort((a, b) => a.index - b.index);
  }

  /** A device may go while it is looked at. */
  private async filters(ns: Netns, dev: string): Promise<number[]> {
    const result = await this.tools.tool(ns, ['tc', '-j', 'filter', 'show', 'dev', dev, 'ingress']);
    if (result.code !== 0) return [];
    return [...new Set(parsed<{ readonly pref?: number }>(result.stdout).flatMap(f => f.pref ?? []))];
  }

  private async print<T>(ns: Netns, argv: readonly string[]): Promise<readonly T[]> {
    const result = await this.tools.tool(ns, argv);
    if (result.code !== 0) throw new HostRefusal('tc', complaint(result));
    return parsed(result.stdout);
  }
}

const parsed = <T>(text: string): readonly T[] => (text.trim() === '' ? [] : (JSON.parse(text) as T[]));

function read({ dev, kind, handle, root, parent, options = {} }: Printed): Qdisc {
  const at = root ? 'root' : kind === 'ingress' || parent === 'ffff:fff1' ? 'ingress' : 'inner';
  const { rate, burst, lat } = options;
  if (kind !== 'tbf' || rate === undefined || burst === undefined || lat === undefined) return { dev, kind, handle, at };
  return { dev, kind, handle, at, shaper: { rate, burst, latencyMs: Math.round(lat / 1000) } };
}

const MOST_BYTES = 2 ** 40;

function lineOf(change: QdiscChange): string {
  const dev = device(change.dev);
  if (change.do === 'delete') return `qdisc del dev ${dev} ${change.at}`;
  const { rate, burst, latencyMs } = change.shaper;
  const words = [`rate ${integer(rate, 1, MOST_BYTES)}bps`, `burst ${integer(burst, 1, 2 ** 32 - 1)}b`];
  return `qdisc replace dev ${dev} root tbf ${words.join(' ')} latency ${integer(latencyMs, 1, 60_000)}ms`;
}
