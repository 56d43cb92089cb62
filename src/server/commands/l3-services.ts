// The commands of the resources around routers and floating IPs.
import type { Services } from '../context.ts';
import type { Commands } from './commands.ts';
import { portForwardings } from './port-forwardings.ts';

export function l3ServiceCommands(_services: Services): readonly Commands[] {
  return [portForwardings];
}
