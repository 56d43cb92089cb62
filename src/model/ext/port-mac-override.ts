// A port that is a whole physical function has that function's MAC address.
import type { Extension } from '../kit/resource.ts';

export const portMacOverride = {
  alias: 'port-mac-override',
  name: 'Neutron Port MAC address override',
  description: "A direct-physical port takes the MAC address in its binding's profile",
  updated: '2022-03-18T10:00:00-00:00',
} as const satisfies Extension;
