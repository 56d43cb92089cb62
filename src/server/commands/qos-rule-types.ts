// The types of rules: those that every driver knows, that one of them knows, or all that there are.
import { apiError } from '../../domain/errors.ts';
import type { ListQuery } from '../../domain/input/query.ts';
import { readBool } from '../../domain/input/values.ts';
import { parameterDetails } from '../../domain/qos.ts';
import { qosRuleType, ruleTypes } from '../../model/qos.ts';
import type { RequestContext } from '../context.ts';
import type { ApiObject, Commands } from './commands.ts';
import { supports } from './qos-support.ts';

async function computed(ctx: RequestContext, query?: ListQuery): Promise<readonly ApiObject[]> {
  const drivers = supports(ctx);
  if (query) return listed(drivers, query).map(type => ({ type }));
  // Which driver can do what is for administrators; the list is for everybody.
  if (!ctx.isAdmin) throw apiError('NotAuthorized');
  return ruleTypes.map(type => ({
    type,
    drivers: drivers
      .filter(({ support }) => Object.hasOwn(support.rules, type))
      .map(({ name, support }) => ({ name, supported_parameters: parameterDetails(support, type) })),
  }));
}

function listed(drivers: ReturnType<typeof supports>, { filters }: ListQuery): readonly string[] {
  const asked = (name: string): boolean => (filters.get(name) ?? []).some(readBool);
  if (asked('all_rules')) return ruleTypes;
  const known = (type: string) => (driver: (typeof drivers)[number]) => Object.hasOwn(driver.support.rules, type);
  if (asked('all_supported')) return ruleTypes.filter(type => drivers.some(known(type)));
  return drivers.length === 0 ? [] : ruleTypes.filter(type => drivers.every(known(type)));
}

export const qosRuleTypes: Commands = {
  resource: qosRuleType,
  present: async () => [],
  computed,
  computedFilters: ['all_supported', 'all_rules'],
};
