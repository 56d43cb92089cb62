// What the ports of a host sent and received, as the switch counts it.
import type { Sample } from '../../contracts/metrics.ts';
import type { View } from './view.ts';

const counted = ['bytes', 'packets', 'dropped', 'errors'] as const;
type Counted = (typeof counted)[number];

/** What is not known is not there. */
export interface PortCounters {
  /** The device's name. */
  readonly device: string;
  /** What the port sends, and what it is sent. */
  readonly egress: Readonly<Partial<Record<Counted, number>>>;
  readonly ingress: Readonly<Partial<Record<Counted, number>>>;
  readonly firewallDropped?: number;
}

/** By device, as the server is asked for it. */
export type Statistics = ReadonlyMap<string, PortCounters>;

export function portSamples(view: View, statistics: Statistics): Sample[] {
  const samples: Sample[] = [];
  let wired = 0;
  for (const known of view.devices.values()) {
    const details = view.details(known);
    const counters = statistics.get(known.name);
    if (known.reported === 'up') wired++;
    if (!details || !counters) continue;
    const labels = { port_id: details.port_id, network_id: details.network_id, device: counters.device };
    for (const direction of ['egress', 'ingress'] as const)
      for (const what of counted) {
        const value = counters[direction][what];
        if (value !== undefined) samples.push({ name: `weft_port_${what}_total`, labels: { ...labels, direction }, value });
      }
    if (counters.firewallDropped !== undefined)
      samples.push({ name: 'weft_port_firewall_dropped_total', labels, value: counters.firewallDropped });
  }
  samples.push({ name: 'weft_ports', labels: { wired: 'yes' }, value: wired });
  samples.push({ name: 'weft_ports', labels: { wired: 'no' }, value: view.devices.size - wired });
  return samples;
}

/** A device's counters from its own side of the switch: what it received, its port sent. */
export function countersOf(device: string, told: Readonly<Record<string, number | undefined>>): PortCounters {
  const side = (way: 'rx' | 'tx'): PortCounters['egress'] =>
    Object.fromEntries(
      counted.flatMap(what => {
        const value = told[`${way}_${what}`];
        return value === undefined ? [] : [[what, value]];
      }),
    );
  return { device, egress: side('rx'), ingress: side('tx') };
}
