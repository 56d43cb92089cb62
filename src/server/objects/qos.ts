// QoS policies as versioned objects: with their rules, each of its kind.
import type { QosRule } from '../../domain/qos.ts';
import { rulesOf } from '../commands/qos-rows.ts';
import { sharedWithAll } from './networks.ts';
import type { Source } from './source.ts';

/** `bandwidth_limit` → `QosBandwidthLimitRule`. */
const nameOf = ({ type }: QosRule): string => `Qos${type.replaceAll(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase())}Rule`;

export const qosObjects: Source = {
  type: 'QosPolicy',
  table: 'qos_policies',
  kind: 'policy',
  // A new policy has no rules yet: nobody has to know of it.
  told: 'changes',
  gone: {},
  pulledBy: 'id',
  async images(services, rows) {
    const rules = await rulesOf(
      services,
      rows.map(r => r.id),
    );
    const shared = await sharedWithAll(services, rows);
    return rows.map(row => ({
      ...row,
      shared: shared.has(row.id),
      is_default: row.default_of !== null,
      rules: (rules.get(String(row.id)) ?? []).map(rule => ({ ...rule, type: nameOf(rule) })),
    }));
  },
};
