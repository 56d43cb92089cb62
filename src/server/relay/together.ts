// What one pass of the relay has to say of groups is said together: fifty ports of a group that were made at once are one message to each host, and rules that
// changed are told as they are at last.
import { type Message, membersUpdated, rulesUpdated } from './messages.ts';

export class Together {
  private readonly waiting = new Map<string, Message>();

  /** Keeps what may be told with others of its kind; false where it is to be sent at once. */
  keep(message: Message): boolean {
    const { target, method, args } = message;
    if (method !== rulesUpdated && !(method === membersUpdated && 'members' in args)) return false;
    // What makes agents ask is not made up for by rules that are told.
    const key = JSON.stringify([method, target, args['security_groups'], 'rules' in args]);
    const before = this.waiting.get(key);
    const members = before && method === membersUpdated ? { members: [...membersOf(before), ...membersOf(message)] } : {};
    this.waiting.set(key, { ...message, args: { ...args, ...members } });
    return true;
  }

  /** To be sent before its facts are acknowledged. What could not be sent is kept. */
  async send(cast: (message: Message) => Promise<void>): Promise<void> {
    for (const [key, message] of this.waiting) {
      await cast(message);
      this.waiting.delete(key);
    }
  }

  /** What a pass that failed has left is told again with its facts, as it is then. */
  clear(): void {
    this.waiting.clear();
  }
}

const membersOf = ({ args }: Message): readonly unknown[] => args['members'] as readonly unknown[];
