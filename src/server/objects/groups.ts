// Security groups, their rules, and address groups as versioned objects.
import type { Row } from '../../contracts/store.ts';
import type { Image } from '../../domain/objects/encode.ts';
import { addressesOf } from '../commands/address-groups.ts';
import { grouped } from '../commands/load.ts';
import type { Services } from '../context.ts';
import { sharedWithAll } from './networks.ts';
import type { Source } from './source.ts';

async function defaultsAmong(services: Services, groupIds: Iterable<unknown>): Promise<ReadonlySet<string>> {
  return new Set((await grouped(services, 'default_security_groups', 'security_group_id', groupIds)).keys());
}

const ruleImage = (row: Row, defaults: ReadonlySet<string>): Image => ({
  ...row,
  belongs_to_default_sg: defaults.has(String(row.security_group_id)),
});

async function groupImages(services: Services, rows: readonly Row[]): Promise<readonly Image[]> {
  const ids = rows.map(r => String(r.id));
  const rules = await grouped(services, 'security_group_rules', 'security_group_id', ids, { order: [['id', 'asc']] });
  const defaults = await defaultsAmong(services, ids);
  const shared = await sharedWithAll(services, rows);
  return rows.map(row => ({
    ...row,
    shared: shared.has(row.id),
    is_default: defaults.has(String(row.id)),
    rules: (rules.get(String(row.id)) ?? []).map(r => ruleImage(r, defaults)),
  }));
}

export const groupObjects: Source = {
  type: 'SecurityGroup',
  table: 'security_groups',
  kind: 'security_group',
  told: 'core',
  gone: { stateful: true, is_default: false },
  images: groupImages,
};

export const ruleObjects: Source = {
  type: 'SecurityGroupRule',
  table: 'security_group_rules',
  kind: 'security_group_rule',
  told: 'core',
  gone: {},
  async images(services, rows) {
    const defaults = await defaultsAmong(
      services,
      rows.map(r => r.security_group_id),
    );
    return rows.map(row => ruleImage(row, defaults));
  },
};

export const addressGroupObjects: Source = {
  type: 'AddressGroup',
  table: 'address_groups',
  kind: 'address_group',
  told: 'core',
  gone: { shared: false },
  async images(services, rows) {
    const ids = rows.map(r => String(r.id));
    const addresses = await addressesOf(services, ids);
    const shared = await sharedWithAll(services, rows);
    return rows.map(row => ({
      ...row,
      shared: shared.has(row.id),
      addresses: (addresses.get(String(row.id)) ?? []).map(address => ({ address, address_group_id: row.id })),
    }));
  },
};
