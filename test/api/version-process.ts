// An API server of this version or of a later one, as a process of its own: version-process.ts DATABASE older|later [no-upgrade]. Its parent
// hears the URL, or why it did not start.

import { history } from '../../src/main/db/history.ts';
import { program } from '../../src/main/db/program.ts';
import { openStoreAs } from '../../src/main/store.ts';
import { allTables } from '../../src/model/registry.ts';
import { becomeLater, laterVersion } from './later-version.ts';
import { databaseAt } from './open-database.ts';
import { serveOver } from './wiring.ts';

const [url = '', version = 'older', upgrade = ''] = process.argv.slice(2);
const own = { tables: allTables, revisions: history(), program: program() };
const as = version === 'later' ? laterVersion(own) : own;
if (version === 'later') becomeLater();
process.on('disconnect', () => process.exit(0));
try {
  const store = await openStoreAs({ ...databaseAt(url), upgrade: upgrade !== 'no-upgrade' }, '', as);
  process.send?.({ url: (await serveOver(store)).url });
} catch (error) {
  process.send?.({ refused: (error as Error).message });
}
