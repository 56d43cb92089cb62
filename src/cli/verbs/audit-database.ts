// weft audit database: whether what the database holds agrees with itself.
import { type Call, count, flag, type OptionSpec, type Verb } from '../verb.ts';
import { type DatabasePlace, databaseOptions, databasePlaceOf } from './db.ts';

export interface AuditFinding {
  readonly check: string;
  readonly what: string;
  /** What would make it right, in words; absent: nobody but a person knows. */
  readonly how?: string;
  readonly became: 'found' | 'repaired' | 'moved' | 'left';
}

export interface AuditPlace extends DatabasePlace {
  /** Seconds between the two looks. */
  readonly pause: number;
  readonly fix: boolean;
}

/** `show` is called with what was found before anything is repaired; the answer is what became of it. */
export type Audit = (place: AuditPlace, show: (found: readonly AuditFinding[]) => void) => Promise<readonly AuditFinding[]>;

const options: Readonly<Record<string, OptionSpec>> = {
  ...databaseOptions,
  fix: { type: 'boolean', help: 'repair what there is one way to repair, after showing it' },
  pause: { type: 'string', value: 'SECONDS', help: 'between the two looks, of which both must find it (default 3)' },
  json: { type: 'boolean', help: 'print it as JSON' },
};

export function auditDatabaseVerb(audit: Audit): Verb {
  const verb: Verb = {
    path: ['audit', 'database'],
    usage: '',
    summary: 'look for rows of the database that do not agree with one another, and repair them',
    details: [
      'Rows that name what is gone, rows that belong together and say different things, quotas that count other than what is there, segment ids that are taken by nobody, and readers of the outbox for whom facts have waited for more than ten minutes. Servers may work on meanwhile: what is told was found twice.',
      '--fix deletes rows that are a part of what is gone, and counts anew. Each repair is a change that fails where somebody has changed the same meanwhile; nothing that a user has made is deleted. What is left is for a person to decide.',
      'What hosts hold is what "weft audit" looks at. The exit status is 0 when nothing is wrong, or nothing any more, and 3 otherwise.',
    ],
    examples: ['weft audit database --config-file /etc/neutron/neutron.conf', 'weft audit database --fix'],
    options,
    args: [0, 0],
    async run(call: Call) {
      const pause = count(verb, call, 'pause', { least: 0, most: 3600, otherwise: 3 });
      const json = flag(call, 'json');
      const fix = flag(call, 'fix');
      const show = (found: readonly AuditFinding[]): void => {
        if (!json) for (const line of lines(found)) call.out(line);
      };
      const found = await audit({ ...databasePlaceOf(call), pause, fix }, show);
      if (json) call.out(JSON.stringify(found, undefined, 2));
      else if (fix) for (const { how, became } of found) if (how !== undefined) call.out(`${how}${endings[became]}`);
      return found.every(({ became }) => became === 'repaired') ? 0 : 3;
    },
  };
  return verb;
}

const endings = { found: '', repaired: ': done', moved: ': somebody has changed it meanwhile; look again', left: '' } as const;

function lines(found: readonly AuditFinding[]): string[] {
  if (found.length === 0) return ['nothing is wrong'];
  return found.flatMap(({ check, what, how }) => [`${check}: ${what}`, ...(how === undefined ? [] : [`  repair: ${how}`])]);
}
