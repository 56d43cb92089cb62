// Meters of the integration bridge: which port has which number, kept in the port's `other_config`, and what the switch has by them.
import { OpenflowRefusal, type Switch } from '../../contracts/host/openflow.ts';
import type { Meter } from '../../domain/openflow/flow.ts';
import { type MeterKind, meterKey, meterKinds, type QosPort } from '../desired/openvswitch/qos.ts';
import { isLogMeter } from './log-marks.ts';

/** Every number that a port's `other_config` holds is taken, whoever wrote it. */
export function numbersIn(configs: Iterable<Readonly<Record<string, string>>>): Set<number> {
  const taken = new Set<number>();
  for (const config of configs)
    for (const [key, value] of Object.entries(config)) if (/_(?:egress|ingress|egress_kbps)$/.test(key)) taken.add(Number(value));
  return taken;
}

/** OpenFlow's OFPM_MAX. */
const LAST = 0xffff_0000;

/** `known`, where it is a number that nobody else has been `given`, or else the lowest that is free, which is taken then. */
export function numberFor(known: string | undefined, taken: Set<number>, given: Set<number>): number {
  const number = Number(known);
  if (known !== undefined && Number.isInteger(number) && number > 0 && number <= LAST && !isLogMeter(number) && !given.has(number)) {
    given.add(number);
    return number;
  }
  let free = 1;
  while (taken.has(free)) free++;
  taken.add(free);
  return free;
}

/** The words of a port's `other_config` for its meters; null takes one away. */
export const configOf = (port: QosPort, numbers: ReadonlyMap<MeterKind, number>): Record<string, string | null> =>
  Object.fromEntries(meterKinds.map(kind => [meterKey(port.device, kind), numbers.has(kind) ? String(numbers.get(kind)) : null]));

export class Meters {
  private known: Map<number, Meter> | undefined;

  /** The switch may have begun anew, without any. */
  forget(): void {
    this.known = undefined;
  }

  /** Before the flows that use them. Answers why those that the switch refuses are not there. */
  async set(door: Switch, wanted: ReadonlyMap<number, Meter>): Promise<ReadonlyMap<number, string>> {
    const refused = new Map<number, string>();
    for (const meter of wanted.values()) {
      try {
        await this.setOne(door, meter);
      } catch (error) {
        if (!(error instanceof OpenflowRefusal)) throw error;
        refused.set(meter.id, error.message);
      }
    }
    return refused;
  }

  /** What is known may be old: then it is read, and tried once more. */
  private async setOne(door: Switch, meter: Meter): Promise<void> {
    const fresh = this.known === undefined;
    const known = await this.read(door);
    const there = known.get(meter.id);
    if (there && sameMeter(there, meter)) return;
    try {
      await door.applyMeters([{ do: there ? 'modify' : 'add', meter }]);
      known.set(meter.id, meter);
    } catch (error) {
      this.known = undefined;
      if (fresh || !(error instanceof OpenflowRefusal)) throw error;
      await this.setOne(door, meter);
    }
  }

  /** After the flows: all but those of `kept` and those of logs, for nobody else has meters on this bridge. */
  async drop(door: Switch, kept: { has(id: number): boolean }): Promise<void> {
    const known = await this.read(door);
    for (const id of [...known.keys()].filter(k => !kept.has(k) && !isLogMeter(k))) {
      await door.applyMeters([{ do: 'delete', id }]);
      known.delete(id);
    }
  }

  private async read(door: Switch): Promise<Map<number, Meter>> {
    const known = this.known ?? new Map((await door.meters()).map(m => [m.id, m]));
    this.known = known;
    return known;
  }
}

export function sameMeter(a: Meter, b: Meter): boolean {
  const text = ({ unit, bands }: Meter): string => `${unit} ${bands.map(x => `${x.type} ${x.rate} ${x.burst ?? 0}`).join()}`;
  return text(a) === text(b);
}
