// Counters of all devices of the host, by one look at /proc/net/dev: no process, and nothing for each port.
import type { Files } from '../../contracts/host/files.ts';
import { countersOf, type Statistics } from '../l2/statistics.ts';

/** Columns of proc_pid_net(5), of what was received and then of what was sent. */
const RX = ['bytes', 'packets', 'errors', 'dropped'];
const COLUMNS = 8;

export async function deviceStatistics(files: Files): Promise<Statistics> {
  const text = (await files.read('/proc/net/dev')) ?? '';
  return new Map(
    text.split('\n').flatMap(line => {
      const [, name, numbers] = /^\s*(\S+):\s*([\d\s]+)$/.exec(line) ?? [];
      if (name === undefined || numbers === undefined) return [];
      const values = numbers.trim().split(/\s+/).map(Number);
      const told = Object.fromEntries(
        RX.flatMap((what, i) => [
          [`rx_${what}`, values[i]],
          [`tx_${what}`, values[COLUMNS + i]],
        ]),
      );
      return [[name, countersOf(name, told)] as const];
    }),
  );
}
