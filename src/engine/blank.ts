// Objects of many keys that are not known when the program is written. Filled key by key they become hash tables, which take a multiple of
// the time to build and to print; copies of one that has all its keys from the start stay records.

export type Blank = Readonly<Record<string, null>>;

/** To be copied with `{ ...blank }` and filled. */
export function blankOf(names: readonly string[]): Blank {
  // A parser makes records, whatever the number of keys.
  return JSON.parse(`{${names.map(name => `${JSON.stringify(name)}:null`).join(',')}}`) as Blank;
}
