// Options of linuxbridge_agent.ini.
import type { LinuxbridgeConfig } from '../../agent/context.ts';
import { type Option, option, section } from './option.ts';
import type { Program } from './program.ts';
import { mappings } from './values.ts';

/** What files say of a Linux bridge agent. */
export interface LinuxbridgeProcess {
  readonly linuxbridge: LinuxbridgeConfig;
}

const sets =
  <K extends keyof LinuxbridgeConfig>(key: K) =>
  (config: LinuxbridgeProcess, value: LinuxbridgeConfig[K]): LinuxbridgeProcess => ({
    ...config,
    linuxbridge: { ...config.linuxbridge, [key]: value },
  });

const options: readonly Option<LinuxbridgeProcess>[] = [
  ...section('LINUX_BRIDGE', [
    option('physical_interface_mappings', mappings, 'physical networks and the devices that lead to them', sets('interfaceMappings'), {
      default: '',
    }),
    option('bridge_mappings', mappings, 'physical networks and bridges that are there already', sets('bridgeMappings'), { default: '' }),
  ]),
];

export const linuxbridgeProgram: Program<LinuxbridgeProcess> = {
  name: 'linuxbridge-agent',
  title: 'Linux bridge agent',
  options,
  defaults: { linuxbridge: { interfaceMappings: {}, bridgeMappings: {} } },
};
