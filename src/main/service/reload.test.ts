import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textLog } from '../../adapters/log/text-log.ts';
import { defaultConfig, type ServerConfig } from '../../server/context.ts';
import { reloading } from './reload.ts';

test('files that have changed while a server started end it not, and what takes a restart is named', async () => {
  const lines: string[] = [];
  let files = (): ServerConfig => {
    throw new Error('quota_port: not a number');
  };
  let told = Promise.withResolvers<void>();
  const reload = reloading({
    config: defaultConfig,
    weft: {
      async reload() {
        setImmediate(() => told.resolve());
        return [];
      },
    },
    log: textLog({ sink: { write: line => lines.push(line) } }),
    read: () => files(),
    levelOf: () => 'info',
    setLevel() {},
    reopen() {},
  });
  const said = async (): Promise<string> => {
    lines.length = 0;
    told = Promise.withResolvers();
    reload();
    await told.promise;
    return lines.join('');
  };
  assert.match(await said(), /quota_port: not a number/);
  files = () => ({ ...defaultConfig, maxRoutes: 1 });
  assert.match(await said(), /maxRoutes has changed, and takes a restart/);
  assert.doesNotMatch(await said(), /takes a restart/);
});
