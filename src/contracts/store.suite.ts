// The contract suite of a store: whatever keeps the state, this is what it must do. An adapter's test calls `storeContract`.
import { describe } from 'node:test';
import { outboxContract } from './store-suite/outbox.ts';
import type { MakePlace } from './store-suite/place.ts';
import { predicateContract } from './store-suite/predicates.ts';
import { processContract } from './store-suite/processes.ts';
import { readContract } from './store-suite/reads.ts';
import { skewContract } from './store-suite/skew.ts';
import { writeContract } from './store-suite/writes.ts';

export type { MakePlace, StorePlace } from './store-suite/place.ts';

/** `open` makes a new empty place for every test. */
export function storeContract(name: string, open: MakePlace): void {
  describe(`store contract: ${name}`, () => {
    predicateContract(open);
    readContract(open);
    writeContract(open);
    skewContract(open);
    outboxContract(open);
    processContract(open);
  });
}
