// One request, and another between two of its reads: about the same few objects, again and again.
import type { Interleaving } from '../interleaving.ts';
import { agentWork } from './agents.ts';
import { type Chance, chance } from './chance.ts';
import { Client, type Shared } from './clients.ts';
import { Objects } from './objects.ts';

/** Calls of the store that a request makes: most make few. */
const lengths = [4, 10, 20, 40];

export async function trial(place: Interleaving, shared: Shared, by: Chance): Promise<void> {
  const here = { ...shared, objects: new Objects() };
  const client = (as: Interleaving['one'], name: string): Client => new Client(here, () => ({ as }), chance(by.below(2 ** 31)), name);
  const [one, other] = [client(place.one, 'one'), client(place.other, 'other')];
  const agent = agentWork(place.services, here.objects, here.scene, by, (call, args) => here.tally.asked(call, args, 'agent'));
  await other.chain();
  for (let round = 0; round < 4; round++) {
    const call = 1 + by.below(by.pick(lengths));
    here.tally.asked(`before call ${call}`, undefined, '--');
    place.interrupted.before(call, () => other.step());
    await (by.often(0.2) ? agent() : one.step());
    place.interrupted.before(0, async () => {});
  }
}
