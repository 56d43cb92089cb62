// One of several API servers on one database: what src/main/server.ts wires, but for the bus. A program; its parent hears the URL.
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { openSqliteStore } from '../../src/adapters/store-sql/sqlite/open.ts';
import { drivers } from '../../src/drivers/all.ts';
import { policies } from '../../src/model/policies.ts';
import { allTables, extensions, resources } from '../../src/model/registry.ts';
import { putFirstTemplates } from '../../src/server/commands/default-security-group-rules.ts';
import { showDefaultRanges } from '../../src/server/commands/network-segment-ranges.ts';
import { defaultConfig, type Services } from '../../src/server/context.ts';
import { buildHttpServer } from '../../src/server/http/server.ts';
import { offer } from '../../src/server/offer.ts';
import { buildPolicy } from '../../src/server/policy.ts';
import { identity } from './people.ts';

const [file = '', config = '{}'] = process.argv.slice(2);
const store = await openSqliteStore(file, { tables: allTables });
const log = textLog({ sink: { write: line => void process.stderr.write(line) }, level: 'error' });
const services: Services = {
  store,
  clock: systemClock,
  log,
  random: Math.random,
  newId: randomUUID,
  policy: buildPolicy(policies),
  drivers,
  config: { ...defaultConfig, ...JSON.parse(config) },
};
await putFirstTemplates(services);
await showDefaultRanges(services);
const app = buildHttpServer({ services, api: offer(services, { resources, extensions }), identity });
process.send?.({ url: await app.listen({ host: '127.0.0.1', port: 0 }) });
process.on('disconnect', () => process.exit(0));
