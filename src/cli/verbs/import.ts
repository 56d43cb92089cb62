// weft db import: a database of Neutron becomes one of Weft.
import { flag, text, texts, usage, type Verb } from '../verb.ts';
import { type DatabasePlace, databaseOptions, databasePlaceOf } from './db.ts';

export interface ImportOptions {
  /** URL of the database to read. */
  readonly from: string;
  /** Where it is written. */
  readonly place: DatabasePlace;
  readonly leaveOut: readonly string[];
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function importVerb(work: (options: ImportOptions, out: (line: string) => void) => Promise<number>): Verb {
  const verb: Verb = {
    path: ['db', 'import'],
    usage: '',
    summary: 'read the database of a Neutron server (Zed) into a new one of Weft',
    details: [
      "URL is the [database] connection of the old server's neutron.conf. It is read as it is at one moment, and never written; stop the old server first, so that nothing changes afterwards.",
      'The target is the database of --connection, else that of the files, else weft.db in the state directory, and has to be empty. What is not understood is named with table, key and reason, and nothing is written then. An import that was broken off leaves a target that no server starts on; importing again begins anew.',
      'The password may be left out of the URL and given in the environment as WEFT_IMPORT_PASSWORD. The exit status is 0 when all was written (or could be, in a dry run), 1 when it was refused, and 3 when it was written and the source has changed meanwhile: a server is still at work there, and what it did is missing.',
    ],
    examples: [
      'weft db import --from mysql+pymysql://neutron:PASSWORD@db/neutron --config-file /etc/weft/neutron.conf --dry-run',
      'weft db import --from mysql+pymysql://neutron@db/neutron --connection postgresql://weft:PASSWORD@db/weft',
    ],
    options: {
      from: { type: 'string', value: 'URL', help: 'the database of Neutron: mysql+pymysql://… or postgresql://…' },
      ...databaseOptions,
      'leave-out': {
        type: 'string',
        value: 'TABLE',
        multiple: true,
        help: 'a table, or TABLE.COLUMN, that the import does not know and is to go on without',
      },
      'dry-run': { type: 'boolean', help: 'write nothing, and print the same report' },
      json: { type: 'boolean', help: 'print the report as JSON' },
    },
    args: [0, 0],
    run(call) {
      const from = text(call, 'from');
      if (from === undefined) throw usage(verb, 'from where? --from URL');
      return work(
        {
          from,
          place: databasePlaceOf(call),
          leaveOut: texts(call, 'leave-out'),
          dryRun: flag(call, 'dry-run'),
          json: flag(call, 'json'),
        },
        call.out,
      );
    },
  };
  return verb;
}
