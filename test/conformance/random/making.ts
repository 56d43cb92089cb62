// What a sequence is made with: the numbers, the names of what earlier steps have made, and values that are wrong now and then.
import type { Json, RecordedRequest } from '../recorded.ts';
import { PythonRandom } from './python-random.ts';

/** The id of nothing. */
export const bogus = '00000000-aaaa-bbbb-cccc-0123456789ab';

const long = (length: number): string => 'n'.repeat(length);

/** Instead of a good value, by what kind of value it would be. */
const bad = {
  str: [long(256), null, 7, true, ['a'], { a: 'b' }, ' lead', '\u00fcn\u00ef', long(255), ''],
  bool: ['maybe', null, 2, [], 'True', 'false', 0, 1, '1'],
  int: ['abc', null, -1, '12', 2 ** 40, [], 1.5, true],
  uuid: ['not-a-uuid', null, 5, '', bogus, []],
  cidr: [
    ...['10.0.0.0/33', 'abc', null, '10.0.0.7/24', '10.0.0.0', 5, '0.0.0.0/0', '10.0.0.0/32', '10.0.0.0/31', 'fe80::/64'],
    ...['224.0.0.0/24', '', ['10.0.0.0/24'], '10.0.0.0/24 ', '127.0.0.0/24', '2001:db8::/130'],
  ],
  ip: ['10.0.0.256', 'abc', null, '', 7, '10.0.0.0/24', '::g', ['10.0.0.1'], '010.0.0.1'],
  list: ['abc', null, {}, 5, ['a', 'a'], [null], [{}]],
  enum: ['bogus', null, 5, '', []],
  mac: ['zz:zz:zz:zz:zz:zz', '00:00:00:00:00:00', null, 5, 'fa163e000001', '', 'fa-16-3e-00-00-01'],
} as const satisfies Readonly<Record<string, readonly Json[]>>;

export type ValueKind = keyof typeof bad;
export type Who = RecordedRequest['who'];

const badOf = 0.06;

export class Making {
  readonly random: PythonRandom;
  readonly requests: RecordedRequest[] = [];
  private readonly made = new Map<string, string[]>();
  private count = 0;

  constructor(seed: number) {
    this.random = new PythonRandom(seed);
  }

  pick<T>(choices: readonly T[]): T {
    return this.random.pick(choices);
  }

  chance(probability: number): boolean {
    return this.random.chance(probability);
  }

  value(kind: ValueKind, good: Json | (() => Json)): Json {
    if (this.chance(badOf)) return this.pick<Json>(bad[kind]);
    return typeof good === 'function' ? good() : good;
  }

  /** `${port7}`: one of those that were made, or asked for; now and then the id of nothing. */
  ref(kind: string, nothing = 0.05): string {
    const some = this.made.get(kind);
    return !some || this.chance(nothing) ? bogus : `\${${this.pick(some)}}`;
  }

  name(prefix: string): string {
    return `${prefix}-${this.random.below(40)}`;
  }

  newName(kind: string): string {
    this.count++;
    const name = `${kind}${this.count}`;
    this.also(kind, name);
    return name;
  }

  /** It is one of this kind, too. */
  also(kind: string, name: string): void {
    this.made.set(kind, [...(this.made.get(kind) ?? []), name]);
  }

  who(admin: number): Who {
    const drawn = this.random.random();
    if (drawn < admin) return 'admin';
    const rest = (drawn - admin) / (1 - admin);
    return rest < 0.82 ? 'member' : rest < 0.92 ? 'other' : rest < 0.97 ? 'reader' : 'none';
  }

  send(who: Who, method: string, path: string, body?: Json, more: Partial<RecordedRequest> = {}): void {
    this.requests.push({ who, method, path, ...(body === undefined || body === null ? {} : { body }), ...more });
  }
}
