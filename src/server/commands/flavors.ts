// Flavors, their profiles, and the providers behind them. What routers are made by is neither changed nor removed.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { providerOf, routerProviders, routerService, type ServiceProvider, serviceTypes } from '../../domain/service-providers.ts';
import { flavor, flavorServiceProfile, nextProvider, serviceProfile, serviceProvider } from '../../model/flavor.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnParent } from '../find.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { byIds, grouped } from './load.ts';

const bindings = flavorServiceProfile.table.name;
const none = async (): Promise<ApiObject[]> => [];

async function presentFlavors(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const profiles = await grouped(services, bindings, 'flavor_id', ids, { order: [['id', 'asc']] });
  return rows.map(row => ({ ...shownColumns(flavor, row), service_profiles: (profiles.get(String(row.id)) ?? []).map(p => p.id) }));
}

/** Null is how it begins. */
const withSwitch = (input: Attributes): Attributes => (input.enabled === null ? { ...input, enabled: true } : input);

async function createFlavor(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  if (!serviceTypes.includes(String(input.service_type)))
    throw apiError('InvalidServiceType', { service_type: String(input.service_type) });
  const id = draft.newId();
  draft.create(flavor, { ...newColumns(flavor, withSwitch(input)), id });
  await bindProfiles(ctx, draft, id, (input.service_profiles ?? []) as readonly string[]);
  return { id };
}

async function bindProfiles(ctx: RequestContext, draft: Draft, flavor_id: string, ids: readonly string[]): Promise<void> {
  const found = await byIds(ctx, serviceProfile.table.name, ids);
  for (const id of ids) {
    if (!found.has(id)) throw apiError('ServiceProfileNotFound', { sp_id: id });
    draft.present(serviceProfile.table.name, { eq: ['id', id] });
    draft.insert(bindings, { flavor_id, id });
  }
}

/** Only tells; the guard decides. */
async function refuseUsed(ctx: RequestContext, draft: Draft, flavor_id: string): Promise<void> {
  const using = { eq: ['flavor_id', flavor_id] } as const;
  if ((await ctx.store.count('routers', using)) > 0) throw apiError('FlavorInUse', { flavor_id });
  draft.absent('routers', using);
}

async function updateFlavor(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const id = String(row.id);
  await refuseUsed(ctx, draft, id);
  const set = changedColumns(flavor, withSwitch(input));
  draft.update(flavor, row, set);
  if (input.service_profiles === undefined) return;
  draft.delete(bindings, { eq: ['flavor_id', id] });
  await bindProfiles(ctx, draft, id, input.service_profiles as readonly string[]);
}

async function removeFlavor(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  await refuseUsed(ctx, draft, String(row.id));
  draft.delete(bindings, { eq: ['flavor_id', String(row.id)] });
  draft.remove(flavor, row);
}

function checkProfile({ driver, metainfo }: { readonly driver: unknown; readonly metainfo: unknown }): void {
  if (driver) providerOf(String(driver));
  else if (!metainfo) throw apiError('ServiceProfileEmpty');
}

async function createProfile(_ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  checkProfile({ driver: input.driver, metainfo: input.metainfo });
  const row = draft.create(serviceProfile, { ...newColumns(serviceProfile, withSwitch(input)), id: draft.newId() });
  return { id: String(row.id), shown: shownColumns(serviceProfile, row) };
}

async function refuseBound(ctx: RequestContext, draft: Draft, sp_id: string): Promise<void> {
  const using = { eq: ['id', sp_id] } as const;
  if ((await ctx.store.count(bindings, using)) > 0) throw apiError('ServiceProfileInUse', { sp_id });
  draft.absent(bindings, using);
}

async function updateProfile(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  checkProfile({ driver: input.driver ?? row.driver, metainfo: input.metainfo ?? row.metainfo });
  await refuseBound(ctx, draft, String(row.id));
  draft.update(serviceProfile, row, changedColumns(serviceProfile, withSwitch(input)));
}

async function removeProfile(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  await refuseBound(ctx, draft, String(row.id));
  draft.remove(serviceProfile, row);
}

/** The answer names the flavor, as Neutron's does. */
async function bind(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { id: flavor_id } = await relyOnParent(ctx, draft);
  const id = String(input.id);
  if (await ctx.store.get(bindings, { flavor_id: String(flavor_id), id }))
    throw apiError('FlavorServiceProfileBindingExists', { sp_id: id, fl_id: String(flavor_id) });
  await bindProfiles(ctx, draft, String(flavor_id), [id]);
  return { id, shown: { id: flavor_id } };
}

/** A profile is bound to several flavors: the row is named by both. */
async function unbind(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.delete(bindings, { and: [{ eq: ['flavor_id', String(row.flavor_id)] }, { eq: ['id', String(row.id)] }] });
}

async function profilesOf(services: Services, flavorId: string): Promise<Row[]> {
  const bound = await services.store.select({ table: bindings, where: { eq: ['flavor_id', flavorId] }, order: [['id', 'asc']] });
  const found = await byIds(
    services,
    serviceProfile.table.name,
    bound.map(b => b.id),
  );
  return bound.map(b => found.get(String(b.id))).filter(p => p !== undefined);
}

/** What a profile says of a driver is told to whom profiles are shown. */
async function nextProviders(ctx: RequestContext): Promise<ApiObject[]> {
  const profiles = await profilesOf(ctx, String(ctx.parent?.row.id));
  const whole = ctx.policy.allows('get_service_profile', ctx.caller, {});
  return profiles
    .filter(p => p.enabled !== false && p.driver)
    .map(p => ({ driver: p.driver, ...(whole ? { metainfo: p.metainfo } : {}), provider: providerOf(String(p.driver)).name }));
}

/** The provider of a new router with a flavor. The flavor stays as it is for as long as the router has it. */
export async function providerOfFlavor(ctx: RequestContext, draft: Draft, id: string): Promise<ServiceProvider> {
  const row = await ctx.store.get(flavor.table.name, { id });
  if (!row) throw apiError('FlavorNotFound', { flavor_id: id });
  if (row.enabled === false) throw apiError('FlavorDisabled');
  const [profile] = await profilesOf(ctx, id);
  if (!profile) throw apiError('FlavorServiceProfileBindingNotFound', { sp_id: '', fl_id: id });
  if (profile.enabled === false) throw apiError('ServiceProfileDisabled');
  draft.present(flavor.table.name, { and: [{ eq: ['id', id] }, { not: { eq: ['enabled', false] } }] });
  draft.present(bindings, { and: [{ eq: ['flavor_id', id] }, { eq: ['id', String(profile.id)] }] });
  return providerOf(String(profile.driver));
}

export const flavorCommands: readonly Commands[] = [
  { resource: flavor, present: presentFlavors, create: createFlavor, update: updateFlavor, delete: removeFlavor },
  {
    resource: serviceProfile,
    present: async (_services, rows) => rows.map(row => shownColumns(serviceProfile, row)),
    create: createProfile,
    update: updateProfile,
    delete: removeProfile,
  },
  {
    resource: flavorServiceProfile,
    present: async (_services, rows) => rows.map(row => shownColumns(flavorServiceProfile, row)),
    create: bind,
    delete: unbind,
  },
  { resource: nextProvider, present: none, computed: nextProviders },
  {
    resource: serviceProvider,
    present: none,
    computed: async () => routerProviders.map(({ name }) => ({ service_type: routerService, name, default: false })),
  },
];
