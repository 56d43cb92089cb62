// What is wrong with ports, said once when it begins and once when it ends.
import type { Log } from '../../contracts/log.ts';

export class Problems {
  private readonly log: Log;
  private readonly of: string;
  private readonly cannot: string;
  private known = new Map<string, string>();

  constructor(log: Log, of = 'a port', cannot = 'cannot be wired') {
    this.log = log;
    this.of = of;
    this.cannot = cannot;
  }

  tell(problems: Iterable<readonly [device: string, why: string]>): void {
    const now = new Map(problems);
    for (const [device, why] of now) if (this.known.get(device) !== why) this.log.error(`${this.of} ${this.cannot}`, { device, why });
    for (const device of this.known.keys()) if (!now.has(device)) this.log.info(`${this.of} is not in trouble any more`, { device });
    this.known = now;
  }
}
