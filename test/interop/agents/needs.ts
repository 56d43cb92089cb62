// Why Neutron's agents cannot be run here, or false.
import { existsSync } from 'node:fs';
import { noSandbox } from '../../system/need.ts';
import { noRabbit } from '../rabbit.ts';

/** Debian package → the program in it. */
const programs: Readonly<Record<string, string>> = {
  'neutron-linuxbridge-agent': 'neutron-linuxbridge-agent',
  'neutron-openvswitch-agent': 'neutron-openvswitch-agent',
  'neutron-dhcp-agent': 'neutron-dhcp-agent',
  'neutron-l3-agent': 'neutron-l3-agent',
  'neutron-metadata-agent': 'neutron-metadata-agent',
  'openvswitch-switch': 'ovs-vswitchd',
  keepalived: 'keepalived',
  udhcpc: 'udhcpc',
};

const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
const missing = Object.keys(programs).filter(name => !folders.some(folder => existsSync(`${folder}/${programs[name]}`)));

export const noAgents: string | false = missing.length > 0 ? `missing here (Debian: ${missing.join(', ')})` : noSandbox() || noRabbit;

/** How many times longer things may take here than on two processors of their own: `WEFT_TEST_PATIENCE`. */
export const patience = Number(process.env['WEFT_TEST_PATIENCE'] ?? 1);
