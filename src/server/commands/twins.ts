// Rows of the same key: what the store refuses anyway, told before as what it is.
import type { Predicate, Scalar } from '../../contracts/store.ts';
import type { Resource } from '../../model/kit/resource.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

/** Only tells; a unique key decides. `but`: the row itself, where it is about to have the key. */
export async function hasTwin(
  { store }: Services,
  draft: Draft,
  resource: Resource,
  key: Readonly<Record<string, Scalar>>,
  but = '',
): Promise<boolean> {
  const columns = Object.entries(key);
  const same = columns.map(([column, value]): Predicate => ({ eq: [column, value] }));
  const there = await store.count(resource.table.name, { and: [...same, { not: { eq: ['id', but] } }] });
  return there > 0 || draft.allMade(resource).some(row => columns.every(([column, value]) => row[column] === value));
}
