// The providers of routers, as Neutron names them: each stands for one way in which a router is served.
import { apiError, invalidInput } from './errors.ts';
import { pyStr } from './input/python.ts';

export interface ServiceProvider {
  readonly name: string;
  /** What profiles call it by. */
  readonly driver: string;
  readonly ha: boolean;
  readonly distributed: boolean;
}

export const routerService = 'L3_ROUTER_NAT';

/** Services that flavors may be of: those that the server has. */
export const serviceTypes: readonly string[] = [routerService, 'FLAVORS', 'METERING', 'PORTFORWARDING', 'QOS'];

const driverOf = (path: string): string => `neutron.services.l3_router.service_providers.${path}`;

export const routerProviders: readonly ServiceProvider[] = [
  { name: 'dvrha', driver: driverOf('dvrha.DvrHaDriver'), ha: true, distributed: true },
  { name: 'dvr', driver: driverOf('dvr.DvrDriver'), ha: false, distributed: true },
  { name: 'ha', driver: driverOf('ha.HaDriver'), ha: true, distributed: false },
  { name: 'single_node', driver: driverOf('single_node.SingleNodeDriver'), ha: false, distributed: false },
];

/** The provider that a profile names by its driver. */
export function providerOf(driver: string): ServiceProvider {
  const found = routerProviders.find(p => p.driver === driver);
  if (!found) throw apiError('ServiceProfileDriverNotFound', { driver });
  return found;
}

/** What a router asks for beside its flavor must be what the flavor's provider does. Null is the provider's choice, as absence is. */
export function checkProvider(provider: ServiceProvider, wanted: { readonly ha?: unknown; readonly distributed?: unknown }): void {
  for (const key of ['distributed', 'ha'] as const) {
    const flag = wanted[key];
    if (typeof flag === 'boolean' && flag !== provider[key])
      throw invalidInput(`Provider ${provider.name} does not support ${key}=${pyStr(flag)}`);
  }
}
