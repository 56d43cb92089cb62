// What a resource's commands are to the pipeline: how its rows are shown and found, and what each verb decides.
import type { Exists, Predicate, Query, Row } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { ListQuery } from '../../domain/input/query.ts';
import type { Resource } from '../../model/kit/resource.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Among } from './load.ts';

/** An object as the API shows it, before attributes that the caller may not see are taken out. */
export type ApiObject = Record<string, unknown>;

export interface Commands {
  readonly resource: Resource;
  /** Rows as API objects, in order. Costs the same number of queries for one row as for thousands. What is not wanted may be left out. */
  present(services: Services, rows: readonly Row[], viewer: Viewer, wanted?: Wanted): Promise<ApiObject[]>;
  /** Filters that are not a plain column. `all`: what else is asked for, by which something may be found faster. */
  readonly filters?: Readonly<Record<string, (values: readonly string[], viewer: Viewer, all?: ListQuery['filters']) => Predicate>>;
  /** Conditions on what policy rules call `<resource>:<attribute>`: of a parent, `networks:shared` of a subnet; or where a rule means something else than a filter. */
  readonly fieldFilters?: Readonly<Record<string, (values: readonly string[], viewer: Viewer) => Predicate>>;
  /** Attributes of parents that policy rules name (`network:project_id`), for objects as shown or as asked for. */
  targets?(services: Services, objects: readonly ApiObject[]): Promise<readonly ApiObject[]>;
  /**
   * What a create is refused for before quota and policy: parents that the caller does not see or may not build on. Answers the
   * parents' attributes as `targets` does.
   */
  admit?(ctx: RequestContext, inputs: readonly Attributes[]): Promise<readonly ApiObject[]>;
  /** What a create will read, as far as the bodies tell: asked at once. What is not here is asked when it is needed. */
  foresee?(ctx: RequestContext, inputs: readonly Attributes[]): readonly Query[];
  /** What a change of the object with this key will read, as far as the body tells. */
  foreseeUpdate?(ctx: RequestContext, key: string, input: Attributes): readonly Query[];
  /** What `present` will ask, as far as rows tell that may be older, with what was asked for in the place of what they say. */
  foreseeShown?(rows: readonly Row[]): readonly Query[];
  /** Decides a create: reads what it needs, and writes its decision into the draft. */
  create?(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created>;
  update?(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void>;
  delete?(ctx: RequestContext, draft: Draft, row: Row): Promise<void>;
  /** Where a member is more than a row: answers it, or removes it, by its key in the URL. Both look at policy themselves. */
  show?(ctx: RequestContext, key: string, fields: readonly string[]): Promise<ApiObject>;
  remove?(ctx: RequestContext, key: string): Promise<void>;
  /** Member actions; the answer is rendered after the commit. */
  readonly actions?: Readonly<Record<string, Action>>;
  /** Run before a list of the project's own objects (a project's default group is made on first sight). */
  beforeList?(ctx: RequestContext): Promise<void>;
  /** The objects of a collection that no table holds; a list filters, sorts and pages them. For one object its `key` is given instead of a query. */
  computed?(ctx: RequestContext, query?: ListQuery, key?: string): Promise<readonly ApiObject[]>;
  /** A marker that the caller does not see is as if it were not given, where Neutron's clients know no other; else it is a 404. */
  readonly forgivesMarkers?: true;
  readonly steady?: Steady;
  /** Columns that are shown otherwise than they are stored. Where they are named, or none, whoever asks for other columns alone is answered from the rows. */
  readonly derived?: readonly string[];
  /** Columns from which `present` makes what is no column itself. Where they are named, a list with fields reads those and what is asked for, and no others. */
  readonly sources?: readonly string[];
  /** Filters that `computed` has applied itself. */
  readonly computedFilters?: readonly string[];
}

/**
 * For resources whose objects show little but what their own revision stands for, and the same to everybody who sees the same attributes:
 * printed once, such an object is not read again until its revision moves.
 */
export interface Steady {
  /** Rows by which an object shows something of others: while there is one, it is read anew each time. */
  readonly others: readonly Exists[];
  /** Whether an object has nothing of others: its row, and what is shown beside the columns. */
  isSteady(services: Services, row: Row, beside: ApiObject): boolean;
  /**
   * What `present` shows behind the columns, in its order; of the rows are known the `sources`. The columns themselves are as they are stored.
   * `among`: what tells just these rows, where there are many.
   */
  beside(services: Services, rows: readonly Row[], among?: Among): Promise<ApiObject[]>;
}

export interface Created {
  readonly id: string;
  /** The object as `present` will show it, where the decision knows all of it; otherwise it is read back. */
  readonly shown?: ApiObject;
  /** What only the answer to its creation shows. */
  readonly also?: ApiObject;
}

/** Decides in the draft and answers how to render the reply once it is committed. */
export type Action = (ctx: RequestContext, draft: Draft, row: Row, body: unknown) => Promise<() => Promise<unknown>>;

/** Whether an attribute is asked for, or needed to decide what is shown; without it all are. */
export type Wanted = (name: string) => boolean;

/** Whose eyes the objects are shown to: sharing is relative to a project. */
export interface Viewer {
  readonly project_id: string | null;
}
