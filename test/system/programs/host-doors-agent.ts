// Stands in for an agent in host-doors-life.ts: starts (or finds again) two daemons, watches links, says so, and waits to be killed.
import { openHost } from '../../../src/adapters/host/open-host.ts';

const [folder = '', ns = ''] = process.argv.slice(2);
const host = openHost();
const ensure = (netns: string, name: string): Promise<number> =>
  host.processes.ensure({
    name,
    netns,
    argv: ['sleep', '600'],
    pidFile: `${folder}/${name}.pid`,
    selfPid: false,
    env: { GREETING: 'hello' },
  });
const own = await ensure('', 'own');
const inner = await ensure(ns, 'inner');
await new Promise<void>(resolve => {
  host.links.watch(ns, () => {}, resolve);
});
console.log(JSON.stringify({ own, inner }));
setInterval(() => {}, 60_000);
