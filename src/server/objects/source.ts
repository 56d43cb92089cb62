// Where the versioned objects of a type come from.
import type { OutboxRow, Predicate, Row } from '../../contracts/store.ts';
import type { Image } from '../../domain/objects/encode.ts';
import type { ObjectTypeName } from '../../model/objects/types.ts';
import type { Services } from '../context.ts';

export interface Source {
  readonly type: ObjectTypeName;
  readonly table: string;
  /** Kind of its entries in the outbox. */
  readonly kind: string;
  /**
   * `core`: readers hear of what is there and of what has gone. `life`: of each stage. `changes`: of changes and of what has gone.
   * `ends`: of birth and death. `again`: of what others' facts change.
   */
  readonly told: 'core' | 'life' | 'changes' | 'ends' | 'again';
  /** Of an object that has gone nothing else is told than its id, and what every object of the type is born with. */
  readonly gone?: Image;
  /** Rows as images, in order. A constant number of queries. */
  images(services: Services, rows: readonly Row[]): Promise<readonly Image[]>;
  /** Filters of `bulk_pull` that are not columns of the table. */
  readonly filters?: Readonly<Record<string, (values: readonly (string | number | boolean)[]) => Predicate>>;
  /** What a fact is about, where that is not one row by its id. */
  rows?(services: Services, fact: OutboxRow): Promise<readonly Row[]>;
  /** `pull` finds one object by this column. Absent: it does not know the type, as in Neutron. */
  readonly pulledBy?: string;
}
