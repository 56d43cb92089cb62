// A reporter for node:test in a guest: a line of JSON per test, for the test outside that started the guest.
import { inspect } from 'node:util';

export interface GuestResult {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly error?: string;
  readonly words: readonly string[];
}

export const resultMark = 'guest-result ';

interface Event {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly message?: string;
    readonly details?: { readonly duration_ms: number; readonly type?: string; readonly error?: Error & { readonly failureType?: string } };
  };
}

export default async function* report(events: AsyncIterable<Event>): AsyncGenerator<string> {
  let words: string[] = [];
  for await (const { type, data } of events) {
    if (type === 'test:diagnostic' && data.message !== undefined) words.push(data.message);
    const { error } = data.details ?? {};
    // A suite is told of where it failed by itself, in what comes before its tests.
    const ofTests = data.details?.type === 'suite' && (error === undefined || error.failureType === 'subtestsFailed');
    if ((type !== 'test:pass' && type !== 'test:fail') || ofTests) continue;
    const result: GuestResult = {
      name: data.name ?? '',
      ok: type === 'test:pass',
      ms: Math.round(data.details?.duration_ms ?? 0),
      ...(error === undefined ? {} : { error: inspect(error.cause ?? error) }),
      words,
    };
    words = [];
    yield `${resultMark}${JSON.stringify(result)}\n`;
  }
}
