// What a row of the error catalog is: an HTTP status and a text made from named parameters.

export type Param = string | number | boolean | null | undefined;
/** Parameters of one row, by name. */
export type P<Names extends string> = { readonly [N in Names]: Param };

export interface ErrorRow {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: rows differ in their parameters; `apiError` checks them against the row.
  readonly text: (p: any) => string;
}
