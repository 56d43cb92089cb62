// What an agent's death costs those whose packets it wired: numbered UDP packets, a hundred a second in each direction, and TCP transfers
// with a checksum, while the agents of both hosts are killed with -9 again and again. Prints a line per flow; the last is the sum.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/agent-restart.ts [restarts of each host]
// With 0 nobody is killed for half a minute: what the gaps are worth.
import { setTimeout as sleep } from 'node:timers/promises';
import { routedPair } from '../system/routed-pair.ts';
import { type Place, startPackets, startTransfer } from '../system/traffic.ts';
import { type Instance, WeftWorld } from '../system/weft-world.ts';
import { markdown, ms, percentile } from './statistics.ts';

const rounds = Number(process.argv[2] ?? 5);
const publicGateway = '172.24.4.1';

async function main(): Promise<void> {
  await using world = await WeftWorld.open({ hosts: 2 });
  const { a, b, floating } = await routedPair(world);
  const onPublic = await world.publicPlace();
  const at =
    (vm: Instance): Place =>
    argv =>
      world.spawn(vm, argv);
  const way = (name: string, from: Place, to: Place, address: string, port: number) => ({ name, from, to, address, port });
  const packets = await Promise.all(
    [
      way('UDP a → b, IPv4, routed', at(a), at(b), b.v4, 5001),
      way('UDP b → a, IPv4, routed', at(b), at(a), a.v4, 5002),
      way('UDP a → b, IPv6, routed', at(a), at(b), b.v6, 5003),
      way('UDP b → a, IPv6, routed', at(b), at(a), a.v6, 5004),
      way('UDP public → floating IP', onPublic, at(a), floating, 5005),
      way('UDP b → public, SNAT', at(b), onPublic, publicGateway, 5006),
    ].map(startPackets),
  );
  const transfers = await Promise.all(
    [
      way('TCP a → b, IPv4, routed', at(a), at(b), b.v4, 5007),
      way('TCP b → a, IPv6, routed', at(b), at(a), a.v6, 5008),
      way('TCP public → floating IP', onPublic, at(a), floating, 5009),
    ].map(startTransfer),
  );

  const away: number[] = [];
  if (rounds === 0) await sleep(30_000);
  for (let round = 0; round < rounds; round++)
    for (const host of ['h1', 'h2']) {
      await sleep(500);
      const began = performance.now();
      await world.agentBack(await world.killAgent(host));
      away.push(performance.now() - began);
      await sleep(1000);
    }

  const counted = await Promise.all(packets.map(flow => flow.end()));
  const sums = await Promise.all(transfers.map(flow => flow.end()));
  const lost = counted.reduce((sum, p) => sum + p.missing.length, 0);
  const sent = counted.reduce((sum, p) => sum + p.sent, 0);
  const table = [
    ['flow', 'sent', 'arrived', 'missing', 'longest gap ms'],
    ...counted.map(p => [p.name, `${p.sent} packets`, String(p.sent - p.missing.length), String(p.missing.length), String(p.longestGapMs)]),
    ...sums.map(t => [
      t.name,
      `${t.sent} bytes`,
      String(t.received),
      t.intact ? '0, checksum right' : 'checksum wrong',
      String(t.longestGapMs),
    ]),
  ];
  const back =
    away.length === 0
      ? 'nobody was away'
      : `agents in sync again after ${ms(percentile(away, 0.5))} ms (median), ${ms(Math.max(...away))} ms (longest)`;
  const intact = sums.filter(t => t.intact).length;
  process.stdout.write(`${markdown(table)}\n\n`);
  process.stdout.write(`${away.length} kills: ${lost} of ${sent} packets missing, ${intact} of ${sums.length} transfers intact; ${back}\n`);
  process.exitCode = lost === 0 && intact === sums.length ? 0 : 1;
}

await main();
