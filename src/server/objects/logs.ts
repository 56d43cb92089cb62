// Logs as versioned objects. Agents that log hear of a log again when the rules that it goes by change.
import type { Row } from '../../contracts/store.ts';
import { logsOfGroups } from '../commands/log-scope.ts';
import type { Source } from './source.ts';

export const logObjects: Source = {
  type: 'Log',
  table: 'logs',
  kind: 'log',
  told: 'life',
  images: async (_services, rows) => rows,
};

const again = { ...logObjects, told: 'again' } as const;

export const logsByRules: Source = {
  ...again,
  kind: 'security_group_rule',
  async rows(services, { id, facts }) {
    if (facts.born === true) return [];
    const { last, security_group_id } = facts as { readonly last?: Row; readonly security_group_id?: string };
    const rule = last ?? (await services.store.get('security_group_rules', { id }));
    const group = security_group_id ?? rule?.security_group_id;
    return typeof group === 'string' ? logsOfGroups(services, [group]) : [];
  },
};

export const logsByAddresses: Source = {
  ...again,
  kind: 'address_group',
  async rows(services, { id, event, facts }) {
    if (event !== 'updated' || !(facts.changed as readonly string[] | undefined)?.includes('addresses')) return [];
    const rules = await services.store.select({ table: 'security_group_rules', where: { eq: ['remote_address_group_id', id] } });
    return logsOfGroups(services, [...new Set(rules.map(r => String(r.security_group_id)))]);
  },
};
