// The plan of a move in words: what will change, in which order, and what will blink.
import type { Move } from './move.ts';
import type { PlannedMove } from './plan.ts';

const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
const mostNamed = 12;

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - mostNamed;
  return more > 1 ? `${names.slice(0, mostNamed).join(', ')} and ${more} more` : names.join(', ');
}

/** Ports by what they are for. */
function kindsOf({ taps }: Move): { instances: number; dhcp: number; routers: number } {
  const dhcp = taps.filter(t => t.owner === 'network:dhcp').length;
  const routers = taps.filter(t => t.owner.startsWith('network:') && t.owner !== 'network:dhcp').length;
  return { instances: taps.length - dhcp - routers, dhcp, routers };
}

/** The steps, in order, as they are named while they are done. */
export const forwardWords = {
  bridges: 'bridges of Open vSwitch for physical networks',
  start: 'the Open vSwitch agent starts, and reports',
  retire: 'the Linux bridge agent is switched off, and stops; packets go on',
  bindings: 'the server rewrites the bindings',
  taps: 'taps, tunnels and devices change over',
  wired: 'every port is ACTIVE on Open vSwitch',
  clean: 'Linux bridges and their filters go',
  record: 'the record of the Linux bridge agent goes',
} as const;

export const backWords = {
  stop: 'the Open vSwitch agent is switched off, and stops',
  taps: 'taps and devices go back to Linux bridges',
  start: 'the Linux bridge agent starts, and reports',
  bindings: 'the server rewrites the bindings',
  wired: 'every port is ACTIVE on Linux bridges',
  clean: 'what was made of Open vSwitch goes',
} as const;

export function wordsOf({ refusals, move }: PlannedMove): string[] {
  const refused = refusals.length > 0;
  return [
    `${move.host}: from Linux bridge to Open vSwitch`,
    '',
    ...(refused ? ['It cannot be done as things are, and nothing was touched:', ...refusals.map(r => `  - ${r}`), ''] : []),
    ...(refused && move.oldAgent === '' ? [] : body(move)),
    ...(move.notices.length > 0 ? ['', 'Left alone:', ...move.notices.map(n => `  - ${n}`)] : []),
  ];
}

function body(move: Move): string[] {
  const { instances, dhcp, routers } = kindsOf(move);
  const made = move.devices.map(d => d.bridge).filter(bridge => !move.switchBefore.includes(bridge));
  const steps: Record<keyof typeof forwardWords, string> = {
    bridges: made.length > 0 ? `made: ${listed(made)}` : 'there already',
    start: `it makes ${move.integrationBridge} and its flows; no port is on it yet`,
    retire: 'admin_state_up of its record goes false, so that nothing new is bound by it',
    bindings: `${counted(move.taps.length + move.unplugged.length, 'port')}: binding:vif_type bridge → ovs, binding:vif_details; nothing else of them`,
    taps: `${listed(move.taps.map(t => t.name))} into ${move.integrationBridge}; ${listed(move.uplinks)} go`,
    wired: 'waited for',
    clean: `${listed(move.bridges)}; chains, sets and tables of the Linux bridge agent`,
    record: move.oldAgent,
  };
  return [
    `${counted(move.taps.length, 'port')} plugged in here: ${instances} of instances, ${dhcp} of DHCP, ${routers} of routers; ${move.unplugged.length} without a device here`,
    ...move.devices.map(deviceLine),
    '',
    'In this order:',
    ...Object.entries(steps).map(([step, what], i) => `  ${i + 1}. ${forwardWords[step as keyof typeof forwardWords]}: ${what}`),
    '',
    'What blinks, all at once, in step 5 until its end:',
    `  - every port that is plugged in here: as long as it takes to change over and to get its flows: less than a second, unless the machine is busy`,
    ...move.devices
      .filter(d => d.addresses.length > 0)
      .map(d => `  - the host itself at ${d.addresses.join(', ')}: connections stand still, and go on`),
    '',
    'Yours:',
    '  - let no instance start on this host meanwhile (openstack compute service set --disable)',
    '  - afterwards: interface_driver = openvswitch in dhcp_agent.ini and l3_agent.ini of this host, and start these agents anew',
    '  - the unit neutron-linuxbridge-agent is to stay off after a restart of the machine, and neutron-openvswitch-agent is to come up',
  ];
}

function deviceLine({ physical, device, bridge, from, addresses }: Move['devices'][number]): string {
  const held = addresses.length > 0 ? `; ${addresses.join(', ')} of ${from} will be ${bridge}'s` : '';
  return `the physical network ${physical}: ${device} goes into ${bridge}${held}`;
}
