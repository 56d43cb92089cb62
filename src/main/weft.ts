// The command `weft`, as bin/run.mjs starts it.
import { outliveHangUp } from './stop.ts';
import { keepAllocator } from './supervise/node.ts';

outliveHangUp(process.argv.slice(2));
keepAllocator();
// The programs of a network live in folders that an ordinary user's PATH may lack.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
// What still holds the event loop (an idle connection, a timer) has no more to do.
process.exit();
