// Logs as versioned objects.
import type { Source } from './source.ts';

export const logObjects: Source = {
  type: 'Log',
  table: 'logs',
  kind: 'log',
  told: 'life',
  images: async (_services, rows) => rows,
};
