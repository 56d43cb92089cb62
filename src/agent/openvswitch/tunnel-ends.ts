// The far ends of tunnels, as the server names them: asked for with `tunnel_sync`, which also tells of ours, and told by `tunnel_update`.
import { type Bus, type Endpoint, type Json, RemoteError } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import { canonicalIp } from '../../domain/net/ip.ts';
import { isTunnelType, type TunnelType } from '../desired/openvswitch/names.ts';

type Args = Readonly<Record<string, Json>>;

export interface TunnelEndsOptions {
  readonly bus: Bus;
  readonly log: Log;
  readonly host: string;
  readonly localIp: string;
  readonly types: readonly TunnelType[];
  /** An end came or went. */
  onChange(): void;
}

export class TunnelEnds {
  readonly ends = new Map<TunnelType, Set<string>>();
  private readonly options: TunnelEndsOptions;
  private stale = true;
  /** What was told while an answer was on its way, which may be older. */
  private heard: (() => void)[] | undefined;

  constructor(options: TunnelEndsOptions) {
    this.options = options;
    for (const type of options.types) this.ends.set(type, new Set());
  }

  /** Messages may have been lost. */
  touch(): void {
    this.stale = true;
  }

  /** Asks if anything may have been missed; rejects when the server did not answer, and then all stays as it was. */
  async refresh(): Promise<void> {
    if (!this.stale) return;
    this.stale = false;
    const heard: (() => void)[] = [];
    this.heard = heard;
    try {
      const answers = await Promise.all(this.options.types.map(async type => [type, await this.sync(type)] as const));
      for (const [type, ends] of answers) this.ends.set(type, ends);
      for (const again of heard) again();
    } catch (error) {
      this.stale = true;
      throw error;
    } finally {
      this.heard = undefined;
    }
  }

  private async sync(type: TunnelType): Promise<Set<string>> {
    const { bus, log, host, localIp } = this.options;
    const args = { tunnel_ip: localIp, tunnel_type: type, host };
    const answer: unknown = await bus.call({ topic: 'q-plugin', version: '1.4' }, 'tunnel_sync', args).catch((error: unknown) => {
      // It has no networks of that type, or of our address's family: the others are not to wait for that.
      if (!(error instanceof RemoteError) || error.excType !== 'InvalidInput') throw error;
      log.error('the server wants no tunnels of a type', { type, local_ip: localIp, error: error.message });
      return {};
    });
    const { tunnels } = (answer ?? {}) as { tunnels?: unknown };
    const ends = (Array.isArray(tunnels) ? (tunnels as readonly unknown[]) : []).map(
      t => (t as { ip_address?: unknown } | null)?.ip_address,
    );
    return new Set(ends.flatMap(end => (typeof end === 'string' ? (canonicalIp(end) ?? []) : [])));
  }

  /** By topic. */
  topics(): Readonly<Record<string, Endpoint['methods']>> {
    return {
      'tunnel-update': { tunnel_update: (args: Args) => this.told(args, (ends, end) => ends.add(end)) },
      'tunnel-delete': { tunnel_delete: (args: Args) => this.told(args, (ends, end) => ends.delete(end)) },
    };
  }

  private told({ tunnel_ip, tunnel_type }: Args, change: (ends: Set<string>, end: string) => unknown): null {
    const end = typeof tunnel_ip === 'string' ? canonicalIp(tunnel_ip) : undefined;
    if (end === undefined || end === this.options.localIp || typeof tunnel_type !== 'string' || !isTunnelType(tunnel_type)) return null;
    const act = (): void => {
      const ends = this.ends.get(tunnel_type);
      if (ends) change(ends, end);
    };
    act();
    this.heard?.push(act);
    this.options.onChange();
    return null;
  }
}
