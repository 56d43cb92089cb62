// What the authorisation walk needs to know of a resource: how an object of it is made. One file in samples/ for each area; every file there
// is read, none is listed anywhere.
import type { Target } from '../../../src/domain/policy/check.ts';
import type { Api, Body, Made } from '../client.ts';

/**
 * Families of objects that hang together. `own` is the member's project's, `foreign` another project's; `shared` and `external` are the
 * administrator's, around a network that is shared or external; `guest` is of the member's project, on the shared network.
 */
export const kinds = ['external', 'shared', 'guest', 'own', 'foreign'] as const;
export type Kind = (typeof kinds)[number];

export type Family = Readonly<Record<string, Made>>;

export interface At {
  readonly kind: Kind;
  readonly project: string;
  /** What was made of this family before, by resource: `made.network`. A guest finds what is shared. */
  readonly made: Family;
  readonly external: Family;
  /** Another number each time, for what must be unique. */
  readonly n: number;
}

export interface Sample {
  readonly resource: string;
  /** Resources whose objects have to be there first. The parent of a resource with one, and what `on` names, are so anyway. */
  readonly after?: readonly string[];
  /** Families that have one; own and foreign. */
  readonly kinds?: readonly Kind[];
  /** A create that works for whoever may do it. The project is added. Absent: the server makes them, the administrator finds them. */
  readonly body?: (at: At) => Body;
  /** How the administrator makes one where no POST does. */
  readonly make?: (at: At, admin: Api) => Promise<Made>;
  /** What else has to be so first, once in each family; answers how to undo it when the family's objects go. */
  readonly prepare?: (at: At, admin: Api) => Promise<() => Promise<void>>;
  /** What the body names must be the caller's own; what is another project's is as if it were not there. */
  readonly own?: true;
  /** Everybody is shown such objects as his own: the walk has nothing to compare. */
  readonly relative?: true;
  /** What names the object in URLs, where the answer to its create does not say it. */
  readonly id?: (at: At) => string;
  /** An update that works for whoever may do it; a description. */
  readonly update?: Body;
  /**
   * Attributes with rules of their own, with other values than the default ones, for a create that works; several, where some exclude others.
   * Booleans are tried without.
   */
  readonly policed?: (at: At) => Body | readonly Body[];
  /** Attributes of other objects that the resource's rules name. Its own, and the project of its parent, are there without. */
  readonly target?: (at: At) => Target;
  /**
   * Objects that the body names. `visible`: whoever does not see it is told 404. `usable`: he is told 403, too, when he sees it, and it is
   * neither his project's nor shared. Services may build on everything. `owned`: 400 for whoever's it is not, besides administrators.
   */
  readonly on?: Readonly<Record<string, 'visible' | 'usable' | 'owned'>>;
  /** What an action answers to a body that changes nothing: 400 to `{ nothing: 1 }`. `again`: to whoever comes after the first. */
  readonly actions?: Readonly<Record<string, { readonly body?: Body; readonly status: number; readonly again?: number }>>;
  /** One of it is all that its parent takes: whoever may make a second is told 409. */
  readonly single?: true;
  /** Whoever else asks to be shown one is told 403, whatever the table says; lists are for all. */
  readonly shownTo?: 'admin';
}
