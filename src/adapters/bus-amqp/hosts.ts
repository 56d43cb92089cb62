// Which host is tried next, and after how long: at once after one of several, slower and slower once all have failed.
import type { AmqpHost, AmqpOptions } from './options.ts';

export class Hosts {
  private readonly options: AmqpOptions;
  private readonly random: () => number;
  private readonly order: readonly AmqpHost[];
  private at = 0;
  private failures = 0;

  /** Each process begins somewhere else, so that they spread. */
  constructor(options: AmqpOptions, random: () => number) {
    this.options = options;
    this.random = random;
    this.order = shuffled(options.hosts, random);
  }

  get current(): AmqpHost {
    return this.order[this.at % this.order.length]!;
  }

  /** It was connected and is not any more: the same host is tried again first. */
  lost(): number {
    this.failures = 0;
    return this.jittered(this.options.reconnectDelay * 1000);
  }

  /** Milliseconds to wait before `current`, which is another host now where there are several. */
  failed(): number {
    const { retryInterval, retryBackoff, retryMax, failover } = this.options;
    const count = this.order.length;
    this.failures++;
    const step = failover === 'shuffle' && count > 2 ? 1 + Math.floor(this.random() * (count - 1)) : 1;
    this.at = (this.at + step) % count;
    if (this.failures % count !== 0) return this.jittered(100);
    const rounds = this.failures / count - 1;
    return this.jittered(Math.min(retryMax, retryInterval + retryBackoff * rounds) * 1000);
  }

  /** Half to one and a half times as long: clients of one broker do not all come back at one moment. */
  private jittered(ms: number): number {
    return Math.round(ms * (0.5 + this.random()));
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
