// What stands in the way of agents on the machine's own network: they take whatever bears their names for leftovers of their own.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { publicNetwork } from '../sandbox/plan.ts';
import { run } from '../sandbox/run.ts';
import { chainsIn, type Machine } from './look.ts';
import { isOurChain, isOurLink, isOurNamespace, isOurSet, isOurTable } from './names.ts';

/** Throws, in words for the person who starts us, when something is in the way. `plugged` are taps that were given to us by name. */
export async function refuseForeign(machine: Machine, plugged: ReadonlySet<string>): Promise<void> {
  const agents = neutronAgents();
  if (agents.length > 0)
    throw new Error(
      `agents of Neutron run on this machine (${agents.join(', ')}), and would fight with ours: stop them, or leave out --on-host`,
    );
  const names = takenNames(machine, plugged);
  if (names.length > 0)
    throw new Error(
      `this machine has objects with names of Neutron's agents that this state directory did not make: ${names.join(', ')}. ` +
        'Agents would take them for leftovers of their own and remove them. Leave out --on-host if they are in use; if not, remove them first ' +
        '(ip link delete, ip netns delete, iptables -X, ipset destroy, nft delete table), or start once with the state directory that made them',
    );
  const users = publicUsers(
    JSON.parse(await run(['ip', '-j', 'address', 'show'])),
    JSON.parse(await run(['ip', '-j', '-4', 'route', 'show'])),
  );
  if (users.length > 0)
    throw new Error(
      `the public network ${publicNetwork.v4.cidr} is in use on this machine already: ${users.join(', ')}; free it, or leave out --on-host`,
    );
}

export function takenNames({ links, aliases, namespaces, rules, sets, tables }: Machine, plugged: ReadonlySet<string>): string[] {
  const alias = (name: string): string => (aliases[name] === undefined ? '' : ` (alias ${aliases[name]})`);
  const chains = new Set([...chainsIn(rules.iptables), ...chainsIn(rules.ip6tables)]);
  return [
    ...links.filter(name => isOurLink(name) && !plugged.has(name)).map(name => `link ${name}${alias(name)}`),
    ...namespaces.filter(isOurNamespace).map(name => `network namespace ${name}`),
    ...[...chains].filter(isOurChain).map(name => `iptables chain ${name}`),
    ...sets.filter(isOurSet).map(name => `ipset ${name}`),
    ...tables.filter(isOurTable).map(name => `nft table ${name}`),
  ];
}

interface Addresses {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

/** Devices with an address in the public network (IPv4: or whose network holds it), and routes into it. */
export function publicUsers(links: readonly Addresses[], routes: readonly { readonly dst: string; readonly dev?: string }[]): string[] {
  const { v4, v6 } = publicNetwork;
  const own = number(v4.gateway);
  const used = links.flatMap(({ ifname, addr_info = [] }) =>
    addr_info
      .filter(({ family, local, prefixlen }) =>
        family === 'inet'
          ? sameNetwork(number(local), own, Math.min(prefixlen, v4.prefix))
          : local.startsWith(v6.gateway.replace(/:1$/, '')),
      )
      .map(({ local, prefixlen }) => `${local}/${prefixlen} on ${ifname}`),
  );
  const led = routes.filter(({ dst }) => {
    const [address = '', prefix = '32'] = dst.split('/');
    return dst !== 'default' && Number(prefix) >= v4.prefix && sameNetwork(number(address), own, v4.prefix);
  });
  // The route of an address is that address's.
  return used.length > 0 ? used : led.map(({ dst, dev }) => `a route to ${dst}${dev === undefined ? '' : ` by ${dev}`}`);
}

const number = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const sameNetwork = (a: number, b: number, prefix: number): boolean =>
  Math.floor(a / 2 ** (32 - prefix)) === Math.floor(b / 2 ** (32 - prefix));

function neutronAgents(): string[] {
  const network = readlinkSync('/proc/self/ns/net');
  return readdirSync('/proc').flatMap(pid => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const name = agentName(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'));
      return name !== undefined && readlinkSync(`/proc/${pid}/ns/net`) === network ? [`${name}, process ${pid}`] : [];
    } catch {
      // It ended by itself.
      return [];
    }
  });
}

/** The program itself, or the script that an interpreter runs: `/usr/bin/python3 -u /usr/bin/neutron-l3-agent --config-file …`. */
export function agentName(argv: readonly string[]): string | undefined {
  const interpreted = /^python[\d.]*$/.test(basename(argv[0] ?? ''));
  const programs = interpreted ? [argv.slice(1).find(word => !word.startsWith('-')) ?? ''] : [argv[0]?.split(':')[0] ?? ''];
  return programs.map(program => basename(program)).find(name => /^neutron-[a-z0-9-]+-agent$/.test(name));
}
