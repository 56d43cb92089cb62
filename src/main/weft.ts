// The command `weft`. Compiled code is cached before anything large is loaded: without it 400 files cost a second at start.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { outliveHangUp } from './stop.ts';

const codeCache = process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '../../node_modules/.cache/weft-code');
enableCompileCache(codeCache);
outliveHangUp(process.argv.slice(2));
// The agents that we start read and fill the same cache.
process.env['NODE_COMPILE_CACHE'] = codeCache;
// The programs of a network live in folders that an ordinary user's PATH may lack.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
// What still holds the event loop (an idle connection, a timer) has no more to do.
process.exit();
