// Packets on their way to the log: as many as the limit lets through, and a word now and then on those that it did not.
import type { Log } from '../../contracts/log.ts';
import type { Sample } from '../../contracts/metrics.ts';
import type { PacketLog } from '../../contracts/packet-log.ts';
import type { Clock } from '../../engine/clock.ts';
import { type FairLimit, FairQueue } from './fair-queue.ts';
import type { LoggedPacket } from './lines.ts';

/** How often is told that packets were lost. */
const TELL_MS = 60_000;

export interface PacketWriterGiven {
  readonly clock: Clock;
  readonly log: Log;
  readonly limit: FairLimit;
  readonly sink: PacketLog;
  /** None where nobody wants to know any more. */
  lines(packet: LoggedPacket): readonly string[];
}

export class PacketWriter implements Disposable {
  private readonly given: PacketWriterGiven;
  private readonly queue: FairQueue<LoggedPacket>;
  private readonly stop = new AbortController();
  private pumping = false;
  private lost = 0;
  private readonly total = { logged: 0, lost: 0 };
  private toldAt: number;

  constructor(given: PacketWriterGiven) {
    this.given = given;
    const now = given.clock.now();
    this.queue = new FairQueue(given.limit, now);
    this.toldAt = now - TELL_MS;
  }

  [Symbol.dispose](): void {
    this.stop.abort();
  }

  hand(packet: LoggedPacket): void {
    if (!this.queue.offer(packet.port, packet)) this.lose();
    if (!this.pumping) void this.pump();
  }

  private async pump(): Promise<void> {
    const { clock, sink, lines } = this.given;
    this.pumping = true;
    while (!this.stop.signal.aborted) {
      for (const packet of this.queue.take(clock.now())) {
        for (const line of lines(packet)) {
          sink.write(line);
          this.total.logged++;
        }
      }
      const wait = this.queue.waitMs();
      if (wait === undefined) break;
      await clock.sleep(wait, this.stop.signal);
    }
    this.pumping = false;
  }

  samples(): Sample[] {
    const plain = (name: string, value: number): Sample => ({ name, labels: {}, value });
    return [plain('weft_packets_logged_total', this.total.logged), plain('weft_packets_not_logged_total', this.total.lost)];
  }

  private lose(): void {
    this.lost++;
    this.total.lost++;
    const now = this.given.clock.now();
    if (now - this.toldAt < TELL_MS) return;
    this.given.log.warning('packets were not logged: there are more than [network_log] rate_limit', { packets: this.lost });
    this.toldAt = now;
    this.lost = 0;
  }
}
