// Tells readers of the outbox what they are to hear of a fact, each kind in a way of its own.
import type { OutboxRow } from '../../contracts/store.ts';
import type { Message } from './messages.ts';

/** Messages of one kind about a fact. */
export type Teller = (row: OutboxRow) => Promise<readonly Message[]>;

type Send = (message: Message) => Promise<void>;

/** What one kind cannot say of an object must not keep the others from their readers: they are sent, and then the fact has failed. */
export async function deliver(tellers: readonly Teller[], row: OutboxRow, send: Send): Promise<void> {
  const told = await Promise.allSettled(tellers.map(tell => tell(row)));
  for (const one of told) if (one.status === 'fulfilled') for (const message of one.value) await send(message);
  const failed = told.find(one => one.status === 'rejected');
  if (failed) throw failed.reason;
}
