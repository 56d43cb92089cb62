// Loaded into a server that is watched: on SIGUSR2 it collects its garbage and says what is left, in a file that WEFT_PROBE names. Needs --expose-gc.
import { renameSync, writeFileSync } from 'node:fs';

process.on('SIGUSR2', () => {
  const file = process.env['WEFT_PROBE'];
  if (file === undefined) return;
  // Twice: the first leaves what finalizers let go of.
  for (let i = 0; i < 2; i++) (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = Object.fromEntries(
    [...Map.groupBy(process.getActiveResourcesInfo(), kind => kind)].map(([kind, all]) => [kind, all.length]),
  );
  writeFileSync(`${file}.new`, JSON.stringify({ heapUsed, external, rss, resources }));
  renameSync(`${file}.new`, file);
});
