// The rows of one port create, from the statements of real ones: what differs from one to the next is made anew, everything else stays.

export type Bind = null | number | string;

/** A statement as it was sent. */
export interface Recorded {
  readonly text: string;
  readonly binds: readonly Bind[];
}

const writes = /^(INSERT|UPDATE|DELETE)\b/i;

/** What the transaction that makes a port writes, in its order; undefined where there is none. */
export function portCreateOf(recorded: readonly Recorded[]): Recorded[] | undefined {
  for (let from = 0; from < recorded.length; from++) {
    if (!/^BEGIN\b/i.test(recorded[from]!.text)) continue;
    const length = recorded.slice(from).findIndex(({ text }) => /^(COMMIT|ROLLBACK)\b/i.test(text));
    const inside = recorded.slice(from + 1, from + Math.max(0, length)).filter(({ text }) => writes.test(text));
    if (inside.some(({ text }) => /^INSERT INTO "ports"/i.test(text))) return inside;
  }
  return undefined;
}

const forms = {
  uuid: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
  mac: /^[\da-f]{2}(:[\da-f]{2}){5}$/,
  ipv4: /^\d+(\.\d+){3}$/,
} as const;

/** Spreads numbers over 24 bits, each once, as what is drawn by lot is spread. */
const scattered = (n: number): number => Math.imul(n, 0x9e_37_79_b1) & 0xff_ff_ff;
const bytes = (n: number): number[] => [(n >> 16) & 255, (n >> 8) & 255, n & 255];
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

const fresh: Readonly<Record<keyof typeof forms, (n: number) => string>> = {
  uuid: () => crypto.randomUUID(),
  mac: n => `fa:16:3e:${bytes(scattered(n)).map(hex).join(':')}`,
  ipv4: n => `10.${bytes(scattered(n)).join('.')}`,
};

/**
 * Binds for the n-th create, beginning with 0: ids and addresses that the two recorded creates do not share are new ones, wherever they stand.
 * The two must have the same statements.
 */
export function rowsLike(one: readonly Recorded[], other: readonly Recorded[]): (n: number) => Bind[][] {
  if (one.map(({ text }) => text).join('\n') !== other.map(({ text }) => text).join('\n'))
    throw new Error('two port creates wrote different statements');
  const shared = new Set(other.flatMap(({ binds }) => binds));
  const own = new Set(one.flatMap(({ binds }) => binds).filter((bind): bind is string => typeof bind === 'string' && !shared.has(bind)));
  const kinds = Object.keys(forms) as (keyof typeof forms)[];
  const changing = [...own].flatMap(value => kinds.filter(kind => forms[kind].test(value)).map(kind => ({ value, kind })));
  if (changing.length === 0) throw new Error('two port creates wrote the same rows');
  return n => {
    const news = new Map(changing.map(({ value, kind }, i) => [value, fresh[kind](n * changing.length + i)]));
    return one.map(({ binds }) => binds.map(bind => news.get(bind as string) ?? bind));
  };
}
