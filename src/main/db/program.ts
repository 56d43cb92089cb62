// Who this is, as it is written into a database.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

let name: string | undefined;

export function program(): string {
  name ??= `weft ${(JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as { version: string }).version}`;
  return name;
}
