// Queues that others made for this agent by name, one for each topic: an agent of Neutron's, or an older one of ours. Nobody would read what goes on to be sent
// there, so they are deleted, unless somebody consumes them.
import type { Channel } from 'amqplib';
import type { AmqpLink } from './link.ts';
import type { AmqpOptions } from './options.ts';

export class LeftQueues {
  private readonly names = new Set<string>();
  private readonly options: AmqpOptions;
  private busy = false;

  constructor(options: AmqpOptions) {
    this.options = options;
  }

  /** Is deleted now, or when there is a link. */
  add(name: string, link: AmqpLink | undefined): void {
    this.names.add(name);
    if (link) this.remove(link);
  }

  remove(link: AmqpLink): void {
    if (this.busy) return;
    this.busy = true;
    void this.removeAll(link).finally(() => {
      this.busy = false;
      // Added while the channel was closed.
      if (this.names.size > 0 && link.alive) this.remove(link);
    });
  }

  private async removeAll(link: AmqpLink): Promise<void> {
    let channel: Channel | undefined;
    for (const name of this.names) {
      if (!link.alive) return;
      try {
        channel ??= await open(link);
        await this.removeOne(channel, name);
      } catch {
        // Not there, or in use: what the broker says of it closes the channel.
        channel = undefined;
      }
      this.names.delete(name);
    }
    await channel?.close().catch(() => {});
  }

  private async removeOne(channel: Channel, name: string): Promise<void> {
    // Of a quorum queue the broker cannot delete it only if it is unused: it ends the connection of who asks.
    if (this.options.quorumQueue) {
      if ((await channel.checkQueue(name)).consumerCount === 0) await channel.deleteQueue(name);
    } else {
      await channel.deleteQueue(name, { ifUnused: true });
    }
  }
}

async function open(link: AmqpLink): Promise<Channel> {
  const channel = await link.channel();
  channel.on('error', () => {});
  return channel;
}
