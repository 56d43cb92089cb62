// What Open vSwitch loses by itself, with no agent: two switches in user space and a VXLAN tunnel between them, a thousand numbered packets a
// second each way, while devices of one host come and go, and while all flows are replaced in one bundle. Prints a line per flow.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/openvswitch-links.ts [times of each]
import { setTimeout as sleep } from 'node:timers/promises';
import { Lab } from '../interop/agents/lab.ts';
import { startPackets } from '../system/traffic.ts';
import { markdown } from './statistics.ts';

const times = Number(process.argv[2] ?? 50);
const perSecond = 1000;
const address = { ovs1: '10.6.0.1', ovs2: '10.6.0.2' } as const;
type Host = keyof typeof address;

const tunnelFlows = (cookie: number): string =>
  [
    `cookie=${cookie},in_port=int,dl_vlan=1,actions=pop_vlan,output:tunnel`,
    `cookie=${cookie},in_port=tunnel,actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:int`,
  ].join('\n');
const replaced = (cookie: number): string => `
  printf 'cookie=${cookie},actions=normal\\n' | ovs-ofctl -O OpenFlow14 --bundle replace-flows br-int -
  printf '${tunnelFlows(cookie)}\\n' | ovs-ofctl -O OpenFlow14 --bundle replace-flows br-tun -`;

const wired = (own: string, local: string, remote: string): string => `set -e
  bridge() { ovs-vsctl add-br $1 -- set bridge $1 datapath_type=netdev fail_mode=secure; }
  bridge br-int; bridge br-tun
  ovs-vsctl add-port br-int tun -- set interface tun type=patch options:peer=int -- add-port br-tun int -- set interface int type=patch options:peer=tun
  ovs-vsctl add-port br-tun tunnel -- set interface tunnel type=vxlan options:remote_ip=${remote} options:local_ip=${local} options:key=77
  ip netns add vm
  ip link add tap type veth peer name eth0 netns vm
  ip -n vm link set eth0 up mtu 1450
  ip -n vm address add ${own}/24 dev eth0
  ip netns exec vm ethtool -K eth0 tx off
  ip link set tap up
  ovs-vsctl add-port br-int tap tag=1
  ${replaced(0)}`;

/** On the first host, each with its number. */
const acts: Readonly<Record<string, (n: number) => string>> = {
  nothing: () => 'true',
  'all flows replaced': n => replaced(n + 1),
  'a device comes, not into the switch': n => `ip link add x${n} type veth peer name y${n}`,
  'it is put into the switch': n => `ovs-vsctl add-port br-int x${n}`,
  'and out of it': n => `ovs-vsctl del-port br-int x${n}`,
  'it goes': n => `ip link delete x${n}`,
};

async function main(): Promise<void> {
  await using lab = await Lab.open('weft-links', ['openvswitch', 'openvswitch']);
  const [one, two] = lab.hosts.map(h => h.address);
  await lab.on('ovs1', 'sh', '-c', wired(address.ovs1, one!, two!));
  await lab.on('ovs2', 'sh', '-c', wired(address.ovs2, two!, one!));
  while ((await lab.attempt('ovs1', 'ip', 'netns', 'exec', 'vm', 'ping', '-c1', '-W1', address.ovs2)).code !== 0);
  const inside =
    (host: Host) =>
    (argv: readonly string[]): ReturnType<Lab['spawn']> =>
      lab.spawn(host, ['ip', 'netns', 'exec', 'vm', ...argv]);
  const way = (from: Host, to: Host, port: number) => ({
    name: `${from} → ${to}`,
    from: inside(from),
    to: inside(to),
    address: address[to],
    port,
    perSecond,
  });
  const rows: string[][] = [];
  for (const [i, [name, act]] of Object.entries(acts).entries()) {
    const flows = await Promise.all([way('ovs1', 'ovs2', 7000 + i), way('ovs2', 'ovs1', 7100 + i)].map(startPackets));
    await sleep(300);
    for (let n = 0; n < times; n++) {
      await lab.on('ovs1', 'sh', '-c', act(n));
      await sleep(100);
    }
    for (const { name: flow, sent, missing } of await Promise.all(flows.map(f => f.end())))
      rows.push([`${name}, ${times} times`, flow, String(sent), String(missing.length)]);
  }
  process.stdout.write(`${markdown([['what is done', 'flow', 'sent', 'missing'], ...rows])}\n`);
}

await main();
