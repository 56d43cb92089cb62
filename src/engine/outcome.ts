// The closed set of ways in which one step of a reconciler ends.

export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'again'; readonly afterMs: number; readonly why?: string }
  | { readonly kind: 'blocked'; readonly on: string }
  | { readonly kind: 'invalid'; readonly why: string };

export const done: Outcome = { kind: 'done' };
