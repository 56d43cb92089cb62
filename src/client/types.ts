// What resources are to a program, by inference from the model: objects as shown, as given on create and on update, filters, sort keys.
import type { absent, Resource } from '../model/kit/resource.ts';

type Value<F> = F extends { readonly type: { readonly value?: infer V } } ? V : never;
/** As the columns are: what may be left out and has no value of its own is null, but for lists, which are empty. */
type Null<F> = F extends { readonly nullable: false }
  ? never
  : F extends { readonly nullable: true } | { readonly default: null }
    ? null
    : F extends { readonly default: typeof absent }
      ? Value<F> extends readonly unknown[]
        ? never
        : null
      : never;
type Seen<F> = F extends { readonly asText: true }
  ? string
  : F extends { readonly nullable: false }
    ? Exclude<Value<F>, null>
    : Value<F> | Null<F>;

type FieldsOf<R extends Resource> = R['fields'];
type Keys<F, Flag> = { [K in keyof F]: F[K] extends Flag ? K : never }[keyof F] & string;
type Post = { readonly post: true };
type Hidden = { readonly show: false };

/** An object as the API shows it. What policy hides from the caller is not there, whatever this type says. */
export type Shown<R extends Resource> = {
  readonly [K in Exclude<keyof FieldsOf<R> & string, Keys<FieldsOf<R>, Hidden>>]: Seen<FieldsOf<R>[K]>;
};

/** Given on create and without a default: but for the project, which is the caller's own. */
type Required<F> = Exclude<Keys<F, Post>, Keys<F, { readonly default: unknown }> | 'project_id'>;

/** What a create takes. */
export type Create<R extends Resource> = {
  readonly [K in Required<FieldsOf<R>>]: Value<FieldsOf<R>[K]> | Null<FieldsOf<R>[K]>;
} & {
  readonly [K in Exclude<Keys<FieldsOf<R>, Post>, Required<FieldsOf<R>>>]?: Value<FieldsOf<R>[K]> | Null<FieldsOf<R>[K]>;
};

/** What an update takes. */
export type Update<R extends Resource> = {
  readonly [K in Keys<FieldsOf<R>, { readonly put: true }>]?: Value<FieldsOf<R>[K]> | Null<FieldsOf<R>[K]>;
};

type One = string | number | boolean;

/** Values of one name are alternatives; names go together. */
export type Filters<R extends Resource> = {
  readonly [K in Keys<FieldsOf<R>, { readonly filter: true }>]?: One | readonly One[];
} & { readonly [K in 'tags' | 'tags-any' | 'not-tags' | 'not-tags-any']?: string | readonly string[] };

export type SortKey<R extends Resource> = Keys<FieldsOf<R>, { readonly sort: true }>;

export interface ListOptions<R extends Resource, K extends keyof Shown<R>> {
  readonly filters?: Filters<R>;
  /** Attributes to show; without, all. */
  readonly fields?: readonly K[];
  readonly sort?: readonly (readonly [key: SortKey<R>, direction: 'asc' | 'desc'])[];
}
