// The meters of logged ports: what the switch hands over is limited where it is switched, so that nobody's flood reaches this process.

import { type MeterChange, OpenflowRefusal, type Switch } from '../../contracts/host/openflow.ts';
import type { Log } from '../../contracts/log.ts';
import type { Meter } from '../../domain/openflow/flow.ts';
import type { FairLimit } from '../packet-log/fair-queue.ts';
import { isLogMeter } from './log-marks.ts';
import { sameMeter } from './meters.ts';

export class LogMeters {
  private readonly door: Switch;
  private readonly limit: FairLimit;
  private readonly log: Log;
  /** By number, as known; undefined: to be read. */
  private known: Map<number, Meter> | undefined;
  private without = false;

  constructor(door: Switch, limit: FairLimit, log: Log) {
    this.door = door;
    this.limit = limit;
    this.log = log;
  }

  /** The switch may have begun again, with none, or as another that can do more. */
  forget(): void {
    this.known = undefined;
    this.without = false;
  }

  /** Before flows use them. False: this datapath has none. */
  async make(ids: readonly number[]): Promise<boolean> {
    if (this.without || ids.length === 0) return !this.without;
    const known = await this.read();
    const { rate, burst } = this.limit;
    const changes = ids.flatMap((id): MeterChange[] => {
      const meter: Meter = { id, unit: 'pktps', bands: [{ type: 'drop', rate, burst }] };
      const found = known.get(id);
      if (!found) return [{ do: 'add', meter }];
      return sameMeter(found, meter) ? [] : [{ do: 'modify', meter }];
    });
    try {
      await this.apply(changes);
      return true;
    } catch (error) {
      if (!(error instanceof OpenflowRefusal)) throw error;
      this.known = undefined;
      this.without = true;
      this.log.warning('this switch has no meters for logged packets: the agent alone keeps to [network_log] rate_limit', {
        error: error.message,
      });
      return false;
    }
  }

  /** When no flow uses others any more: those go. */
  async keep(ids: ReadonlySet<number>): Promise<void> {
    if (this.without) return;
    const known = await this.read();
    await this.apply([...known.keys()].filter(id => !ids.has(id)).map(id => ({ do: 'delete', id })));
  }

  private async read(): Promise<Map<number, Meter>> {
    this.known ??= new Map((await this.door.meters()).filter(m => isLogMeter(m.id)).map(m => [m.id, m]));
    return this.known;
  }

  private async apply(changes: readonly MeterChange[]): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.door.applyMeters(changes);
    } catch (error) {
      this.known = undefined;
      throw error;
    }
    for (const change of changes)
      if (change.do === 'delete') this.known?.delete(change.id);
      else this.known?.set(change.meter.id, change.meter);
  }
}
