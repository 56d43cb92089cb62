// Every default policy rule, by group.
import { addressesPolicies } from './policies/addresses.ts';
import { basePolicies } from './policies/base.ts';
import { floatingipPolicies } from './policies/floatingip.ts';
import { networkPolicies } from './policies/network.ts';
import { portPolicies } from './policies/port.ts';
import { qosPolicies } from './policies/qos.ts';
import { routerPolicies } from './policies/router.ts';
import type { PolicyRule } from './policies/rule.ts';
import { securityPolicies } from './policies/security.ts';
import { servicesPolicies } from './policies/services.ts';
import { subnetPolicies } from './policies/subnet.ts';

export const policies: readonly PolicyRule[] = [
  ...basePolicies,
  ...networkPolicies,
  ...subnetPolicies,
  ...portPolicies,
  ...addressesPolicies,
  ...securityPolicies,
  ...routerPolicies,
  ...floatingipPolicies,
  ...qosPolicies,
  ...servicesPolicies,
];
