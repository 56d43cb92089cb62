// What an audit finds in a store, as words.
import type { Store } from '../../../src/contracts/store.ts';
import { look, wordsOf } from '../../../src/server/audit/audit.ts';

/** Nothing, in a store that is right. */
export const wrongIn = async (store: Store): Promise<string[]> => (await look(store)).map(wordsOf);
