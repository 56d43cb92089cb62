// Loaded into a server's process by --import: writes down every statement that it asks SQLite for, as lines of JSON, into the file that its own address names.
import { appendFileSync } from 'node:fs';
import { StatementSync } from 'node:sqlite';
import type { Recorded } from './rows.ts';

const file = new URL(import.meta.url).searchParams.get('into') ?? '';

type Method = (this: StatementSync, ...binds: unknown[]) => unknown;

const methods = StatementSync.prototype as unknown as Record<string, Method>;
for (const name of ['run', 'get', 'all', 'iterate']) {
  const method = methods[name]!;
  methods[name] = function (...binds) {
    const line = { text: this.sourceSQL, binds } as Recorded;
    appendFileSync(file, `${JSON.stringify(line)}\n`);
    return method.apply(this, binds);
  };
}
