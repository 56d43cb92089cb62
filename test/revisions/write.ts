// npm run revision NAME: writes what the model's tables have gained since the last revision of the database. --again: in place of the last one,
// which no release may have had yet.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFolder, readHistory } from '../../src/main/db/history.ts';
import { allTables } from '../../src/model/registry.ts';
import { nextRevision, revisionText } from './next.ts';

const words = process.argv.slice(2);
const again = words.includes('--again');
const [title = ''] = words.filter(word => !word.startsWith('-'));
if (!/^[a-z0-9-]+$/.test(title)) {
  process.stderr.write('usage: npm run revision NAME [-- --again]    NAME: small letters, digits and dashes\n');
  process.exit(2);
}
const history = readHistory(historyFolder);
const last = again ? history.pop() : undefined;
const { revision, refusals } = nextRevision(history, allTables, title);
for (const why of refusals) process.stderr.write(`not possible: ${why}\n`);
if (refusals.length > 0) process.exit(1);
if (last) rmSync(join(historyFolder, `${last.name}.json`));
if (!revision) {
  process.stdout.write('the history says all that the model says\n');
  process.exit(0);
}
const file = join(historyFolder, `${revision.name}.json`);
writeFileSync(file, revisionText(revision));
process.stdout.write(`${file}: ${revision.adds.map(each => each.name).join(', ')}\n`);
