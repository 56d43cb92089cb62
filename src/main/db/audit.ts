// The database of "weft audit database": opened as a server opens it, and looked at twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../cli/verb.ts';
import type { AuditFinding, AuditPlace } from '../../cli/verbs/audit-database.ts';
import type { Store } from '../../contracts/store.ts';
import { audit, repair } from '../../server/audit/audit.ts';
import type { Finding } from '../../server/audit/finding.ts';
import { refuseUnfinished } from '../../server/commands/default-security-group-rules.ts';
import { defaultConfig } from '../../server/context.ts';
import { openStore } from '../store.ts';
import { databaseDesk, deskOf, whereIs } from './desk.ts';

const stuckMs = 600_000;

export async function auditDatabase(place: AuditPlace, show: (found: readonly AuditFinding[]) => void): Promise<readonly AuditFinding[]> {
  try {
    const where = whereIs(place);
    const { isEmpty } = await databaseDesk.inspect(place);
    if (isEmpty) {
      show([]);
      return [];
    }
    await using store = await openStore({ ...defaultConfig.database, connection: where.connection, upgrade: false }, where.stateDir);
    // What names rows that an import has not come to yet is not wrong.
    await refuseUnfinished({ store });
    const found = await audit(store, () => sleep(place.pause * 1000));
    const late = await stuck(deskOf(where));
    const all = [...found.map(finding => view(finding, 'found')), ...late];
    show(all);
    return place.fix ? [...(await repaired(store, found)), ...late] : all;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(error instanceof Error ? error.message : String(error));
  }
}

const view = ({ check, what, repair: way }: Finding, became: AuditFinding['became']): AuditFinding => ({
  ...{ check, what, became },
  ...(way ? { how: way.how } : {}),
});

const repaired = async (store: Store, found: readonly Finding[]): Promise<AuditFinding[]> =>
  (await repair(store, found)).map(({ finding, became }) => view(finding, became));

/** Facts that wait: nobody who runs reads by that name, or what it tells is away. */
async function stuck({ readers }: ReturnType<typeof deskOf>): Promise<AuditFinding[]> {
  const late = (await readers()).filter(({ since }) => since !== undefined && Date.now() - Date.parse(since) > stuckMs);
  return late.map(({ reader, facts, since }) => ({
    ...{ check: 'outbox', became: 'left' },
    what: `${facts} facts have waited for the reader ${reader}, the oldest since ${since}`,
  }));
}
