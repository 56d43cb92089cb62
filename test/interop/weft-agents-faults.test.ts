// Weft's agents on a real neutron-server (Zed) while agents, the broker and the server go and come: what goes on meanwhile, and what is
// caught up with afterwards.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { describePackets, type Flow, type Packets, startPackets } from '../system/traffic.ts';
import { noNeutronServer } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';
import { aliveAgents, floatingTo, type Layout, layOut, permit, pings } from './weft-agents-networks.ts';
import { AgentsWorld, kinds, metadataSecret } from './weft-agents-world.ts';

const skip = noNeutronServer || noRabbit || noSandbox();
const inwardPort = 9001;

describe("Weft's agents on a neutron-server that is not always there", { skip, timeout: 580_000 }, () => {
  let w: AgentsWorld;
  let all: Layout;
  let floating: string;

  before(async () => {
    w = await AgentsWorld.open();
    w.startAll();
    await w.until('eight agents', async () => (await aliveAgents(w)).length === 8);
    all = await layOut(w);
    floating = await floatingTo(w, all.outer, all.two);
    await permit(w, all.two, 'udp', inwardPort);
    const dials = ['sh', '-c', `echo 0 | nc -u -w1 ${floating} ${inwardPort}`];
    const heard = w.place(all.two)([process.execPath, '-e', listener, String(inwardPort)]);
    await w.until('the floating IP leads inside', async () => {
      await w.fromOutside(...dials);
      return heard.output().includes('heard');
    });
    heard.kill();
    await heard.done;
    await w.until('one reaches two', () => pings(w, all.one, all.two.address));
  });
  after(() => w?.[Symbol.asyncDispose]());

  const between = (name: string): Promise<Flow<Packets>> =>
    startPackets({ name, from: w.place(all.one), to: w.place(all.two), address: all.two.address, port: 9000 });
  const nothingLost = async (flow: Flow<Packets>): Promise<void> => {
    const packets = await flow.end();
    assert.deepEqual([packets.missing.length, packets.sent > 100], [0, true], describePackets(packets));
  };

  test('agents end at once with 0 and leave what they made; with traffic through them restarted, nothing is lost', async () => {
    const flows = [
      await between('between hosts'),
      await startPackets({ name: 'inwards', from: w.outside, to: w.place(all.two), address: floating, port: inwardPort }),
    ];
    for (const { name } of w.hosts)
      for (const kind of kinds) {
        const before = w.syncs(name, kind);
        const began = performance.now();
        assert.equal(await w.end(name, kind), 0, `${kind} on ${name}`);
        assert.ok(performance.now() - began < 15_000, `${kind} on ${name} took long to end`);
        w.start(name, kind);
        await w.until(`${kind} on ${name} is in sync again`, () => w.syncs(name, kind) > before);
      }
    for (const flow of flows) await nothingLost(flow);
  });

  test('without the broker packets flow and DHCP answers; once it is back, all is caught up', async () => {
    const three = await w.instance('h1', all.network.id);
    const flow = await between('without a broker');
    await w.rabbit.kill();
    for (const { name } of w.hosts)
      for (const kind of kinds)
        await w.until(`${kind} on ${name} misses its broker`, () => /connection to the message broker lost/.test(w.log(name, kind)));
    const release = ['-4', '-r', '-lf', '/run/weft/dhclient4.leases', '-pf', '/run/weft/dhclient4.pid', 'eth0'];
    assert.equal((await w.inside(three, 'dhclient', ...release)).code, 0);
    await w.until('its address is given back', async () => (await three.vm.addresses()).length === 0);
    await three.vm.boot({ dhcp4: true, dhcp6: 'no', fixed: [] });
    await w.until('it has it again', async () => (await three.vm.addresses()).some(cidr => cidr.startsWith(`${three.address}/`)));
    await w.rabbit.up();
    const seen = new Date().toISOString();
    const fresh = async (): Promise<number> =>
      (await w.neutron.api.listOnce('agents')).filter(agent => `${String(agent['heartbeat_timestamp']).replace(' ', 'T')}Z` > seen).length;
    await w.until('all have reported again', async () => (await fresh()) === 8);
    const four = await w.instance('h2', all.network.id);
    await w.until('a new instance is reached', () => pings(w, all.one, four.address));
    await nothingLost(flow);
  });

  test('without the server packets flow; once it is back, agents are alive and work', async () => {
    await w.neutron.down();
    const flow = await between('without a server');
    await w.neutron.up();
    await w.until('eight agents', async () => (await aliveAgents(w)).length === 8);
    await nothingLost(flow);
    const five = await w.instance('h1', all.network.id);
    await w.until('a new instance is reached', () => pings(w, all.two, five.address));
  });

  test('no password is in the logs', () => {
    for (const { name } of w.hosts)
      for (const kind of kinds) {
        assert.match(w.log(name, kind), /connected to the message broker/);
        for (const secret of ['p@ss:w%rd', 'p%40ss%3Aw%25rd', metadataSecret])
          assert.ok(!w.log(name, kind).includes(secret), `${kind} on ${name}`);
      }
  });
});

const listener = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', () => console.log('heard'));
socket.bind(Number(process.argv[1]), '0.0.0.0');
`;
