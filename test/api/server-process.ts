// One of several API servers on one database. A program; its parent hears the URL.
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from './open-database.ts';
import { beforeCalls } from './reads.ts';
import { serveOver } from './wiring.ts';

const [file = '', config = '{}', far = ''] = process.argv.slice(2);
const store = await openDatabase(file);
// As with a database on another host: others have their turn between any two reads.
const { url } = await serveOver(far === '' ? store : beforeCalls(store, () => sleep(Number(far) * Math.random())), JSON.parse(config));
process.send?.({ url });
process.on('disconnect', () => process.exit(0));
