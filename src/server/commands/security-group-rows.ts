// Rules as the API shows them, alone and in their groups.
import type { Query, Row } from '../../contracts/store.ts';
import { securityGroupRule } from '../../model/security-group.ts';
import { shownColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import type { ApiObject } from './commands.ts';
import { grouped, groupedQuery } from './load.ts';

/** What `presentRules` asks of these groups. */
export const defaultsQuery = (groups: readonly string[]): Query => groupedQuery('default_security_groups', 'security_group_id', groups);

export async function presentRules(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const groups = rows.map(r => r.security_group_id);
  const defaults = await grouped(services, 'default_security_groups', 'security_group_id', groups);
  return rows.map(row => ({
    ...shownColumns(securityGroupRule, row),
    belongs_to_default_sg: defaults.has(String(row.security_group_id)),
  }));
}
