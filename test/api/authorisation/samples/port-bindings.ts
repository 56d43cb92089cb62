// Bindings of ports.
import type { Sample } from '../sample.ts';

export const samples: readonly Sample[] = [
  {
    resource: 'binding',
    // A host names a binding below any port, so that families need hosts of their own.
    body: ({ kind, made }) => ({ host: `${kind === 'own' ? 'h' : 'other'}${made.binding ? 22 : 1}` }),
    update: { profile: { a: 1 } },
    actions: { activate: { body: {}, status: 200, again: 409 } },
  },
];
