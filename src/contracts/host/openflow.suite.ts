// What every door to OpenFlow must do.
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Flow, FlowIdentity, Group, Meter } from '../../domain/openflow/flow.ts';
import { flowKey, flowText, identityText, sameFlow } from '../../domain/openflow/identity.ts';
import { noVlan, protocol, vlan } from '../../domain/openflow/match.ts';
import { type Openflow, OpenflowAway, OpenflowRefusal, type Switch, type SwitchPort, type TableChange } from './openflow.ts';
import { sampleFlows } from './openflow-flows.suite.ts';
import { until } from './under-test.ts';

export interface OpenflowUnderTest extends AsyncDisposable {
  readonly openflow: Openflow;
  /** A bridge without flows, in secure mode. */
  addBridge(): Promise<string>;
  addPort(bridge: string, name: string): Promise<void>;
  removePort(bridge: string, name: string): Promise<void>;
  /** The switch's daemon goes, and with it all flows; comes again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Opened extends AsyncDisposable {
  readonly door: Switch;
  readonly bridge: string;
  readonly gaps: () => number;
  readonly away: string[];
  readonly ports: [kind: string, port: SwitchPort][];
  readonly removed: [flow: FlowIdentity & { readonly cookie: bigint }, why: string][];
}

async function openBridge(under: OpenflowUnderTest): Promise<Opened> {
  const bridge = await under.addBridge();
  let gaps = 0;
  const away: string[] = [];
  const ports: Opened['ports'] = [];
  const removed: Opened['removed'] = [];
  const door = under.openflow.open(bridge, {
    onGap: () => void gaps++,
    onAway: reason => void away.push(reason),
    onPort: (kind, port) => void ports.push([kind, port]),
    onRemoved: (flow, why) => void removed.push([flow, why]),
  });
  await door.up();
  return { door, bridge, gaps: () => gaps, away, ports, removed, [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

export const sampleGroup: Group = {
  id: 1,
  type: 'select',
  buckets: [
    { weight: 10, actions: [{ do: 'output', port: 1 }] },
    {
      weight: 20,
      actions: [
        { do: 'set_field', field: 'eth_dst', value: 'fa:16:3e:00:00:09' },
        { do: 'output', port: 2 },
      ],
    },
  ],
};
export const sampleMeter: Meter = { id: 1, unit: 'pktps', bands: [{ type: 'drop', rate: 1000, burst: 100 }] };

const add = (flows: readonly Flow[]): TableChange[] => flows.map(flow => ({ do: 'add', flow }));
const flow = (reg0: number, more: Partial<Flow> = {}): Flow => ({
  table: 5,
  priority: 10,
  cookie: 1n,
  match: { reg0 },
  actions: [{ do: 'output', port: 'normal' }],
  ...more,
});

/** In an order of their own. */
async function texts(door: Switch, filter?: Parameters<Switch['flows']>[0]): Promise<string[]> {
  return (await door.flows(filter)).map(flowText).sort();
}
const textsOf = (flows: readonly Flow[]): string[] => flows.map(flowText).sort();

async function refusal(promise: Promise<unknown>): Promise<OpenflowRefusal> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  assert.ok(error instanceof OpenflowRefusal, `not a refusal: ${error}`);
  return error;
}

export function openflowContract(name: string, open: () => Promise<OpenflowUnderTest>): void {
  const check = (what: string, body: (opened: Opened, under: OpenflowUnderTest) => Promise<void>): void => {
    test(`openflow ${name}: ${what}`, { timeout: 60_000 }, async () => {
      await using under = await open();
      await using opened = await openBridge(under);
      await body(opened, under);
    });
  };
  flowsCome(check);
  flowsGo(check);
  refusals(check);
  groupsAndMeters(check);
  news(check);
}

type Check = (what: string, body: (opened: Opened, under: OpenflowUnderTest) => Promise<void>) => void;

function flowsCome(check: Check): void {
  check('every flow is read back as it was added', async ({ door }) => {
    await door.applyMeters([{ do: 'add', meter: sampleMeter }]);
    await door.apply([{ do: 'add-group', group: sampleGroup }, ...add(sampleFlows)]);
    const found = new Map((await door.flows()).map(f => [flowKey(f), f]));
    assert.equal(found.size, sampleFlows.length);
    for (const wanted of sampleFlows) {
      const got = found.get(flowKey(wanted));
      assert.ok(got, `not found: ${flowText(wanted)}`);
      assert.ok(sameFlow(got, wanted), `${flowText(got)}\nis not\n${flowText(wanted)}`);
    }
    assert.deepEqual(textsOf([...found.values()]).length, sampleFlows.length);
    const [any] = found.values();
    assert.ok(any !== undefined && any.packets === 0n && any.bytes === 0n && any.duration >= 0);
  });

  check('a flow takes the place of the one of its identity, however its match is spelled', async ({ door }) => {
    const first = flow(1, { match: { ...protocol.ip, ip_src: '10.0.0.7/24', xreg0: 1n, vlan_tci: { value: 0, mask: 0x1fff } } });
    const second = flow(1, {
      match: { ...protocol.ip, ip_src: '10.0.0.0/255.255.255.0', reg0: 0, reg1: 1, vlan_vid: noVlan },
      cookie: 2n,
      actions: [],
    });
    await door.apply(add([first]));
    await door.apply(add([second]));
    assert.deepEqual(await texts(door), textsOf([second]));
    await door.apply([{ do: 'modify', flow: { ...first, actions: [{ do: 'output', port: 'flood' }] } }]);
    assert.deepEqual(await texts(door), textsOf([{ ...second, actions: [{ do: 'output', port: 'flood' }] }]));
    await door.apply([{ do: 'modify', flow: flow(77) }]);
    assert.equal((await door.flows()).length, 1);
  });

  check('many flows in one transaction, in the order of the changes', async ({ door }) => {
    const many = Array.from({ length: 5000 }, (_, i) => flow(i, { cookie: BigInt(i) }));
    await door.apply([...add(many), { do: 'delete-all', where: {} }, ...add(many.slice(0, 4000)), { do: 'delete', flow: flow(0) }]);
    assert.deepEqual(await texts(door), textsOf(many.slice(1, 4000)));
    await door.apply([]);
  });
}

function flowsGo(check: Check): void {
  check('flows are found and deleted by table, match and cookie', async ({ door }) => {
    const all = [
      flow(1, { cookie: 0x10n }),
      flow(2, { cookie: 0x11n, table: 6 }),
      flow(3, { cookie: 0x21n, match: { reg0: 3, ...protocol.tcp, tcp_dst: 80, vlan_vid: vlan(3) } }),
      flow(4, { cookie: 0x21n, match: { ...protocol.tcp, vlan_vid: vlan(3) } }),
      flow(5, { cookie: 0xffff_ffff_ffff_ffffn, match: { reg0: { value: 0x10, mask: 0xf0 } } }),
    ];
    const filters: readonly (readonly [Parameters<Switch['flows']>[0], readonly number[]])[] = [
      [{}, [0, 1, 2, 3, 4]],
      [undefined, [0, 1, 2, 3, 4]],
      [{ table: 6 }, [1]],
      [{ table: 7 }, []],
      [{ cookie: { cookie: 0x21n } }, [2, 3]],
      [{ cookie: { cookie: 0x10n, mask: 0xf0n } }, [0, 1]],
      [{ cookie: { cookie: 0x10n, mask: 0xf0n }, table: 5 }, [0]],
      [{ cookie: { cookie: 0xffff_ffff_ffff_ffffn } }, [4]],
      [{ match: protocol.tcp }, [2, 3]],
      [{ match: { ...protocol.tcp, tcp_dst: 80 } }, [2]],
      [{ match: { vlan_vid: vlan(3) } }, [2, 3]],
      [{ match: { reg0: { value: 0x10, mask: 0xf0 } } }, [4]],
      [{ match: { reg0: 1 }, table: 6 }, []],
    ];
    for (const [filter, which] of filters) {
      const some = all.filter((_, i) => which.includes(i));
      await door.apply([{ do: 'delete-all', where: {} }, ...add(all)]);
      assert.deepEqual(await texts(door, filter), textsOf(some));
      await door.apply([{ do: 'delete-all', where: filter ?? {} }]);
      assert.deepEqual(await texts(door), textsOf(all.filter(f => !some.includes(f))));
    }
  });

  check('one flow is deleted by what it is, and nothing where there is none', async ({ door }) => {
    const all = [
      flow(1),
      flow(1, { priority: 11 }),
      flow(1, { table: 6 }),
      flow(1, { match: { reg0: 1, reg1: 1 } }),
      flow(1, { match: {} }),
    ];
    await door.apply(add(all));
    await door.apply([
      { do: 'delete', flow: { table: 5, priority: 10, match: { reg0: 1 } } },
      { do: 'delete', flow: flow(9) },
      { do: 'delete', flow: { table: 5, priority: 10, match: {} } },
    ]);
    assert.deepEqual(await texts(door), textsOf(all.slice(1, 4)));
  });

  check('what goes is told when it was asked for', async ({ door, removed }) => {
    const told = flow(1, { cookie: 7n, match: { in_port: 3, ...protocol.arp }, flags: ['send_flow_rem'] });
    await door.apply(add([told, flow(2), flow(3, { flags: ['send_flow_rem'], hard_timeout: 1 })]));
    await door.apply([
      { do: 'delete-all', where: { cookie: { cookie: 7n } } },
      { do: 'delete', flow: flow(2) },
    ]);
    await until(() => removed.length === 2, 'two flows are gone', 20_000);
    assert.deepEqual(
      removed.map(([f, why]) => [identityText(f), f.cookie, why]),
      [
        [identityText(told), 7n, 'delete'],
        [identityText(flow(3)), 1n, 'hard'],
      ],
    );
  });
}

function refusals(check: Check): void {
  const bad: readonly (readonly [why: string, flow: Flow])[] = [
    ['a field without what it needs', flow(2, { match: { tcp_dst: 80 } })],
    ['an action without what it needs', flow(2, { actions: [{ do: 'set_field', field: 'ip_dst', value: '10.0.0.1' }] })],
    ['a tag popped where there is none', flow(2, { actions: [{ do: 'pop_vlan' }] })],
    ['a tag popped twice', flow(2, { match: { vlan_vid: vlan(3) }, actions: [{ do: 'pop_vlan' }, { do: 'pop_vlan' }] })],
    ['what is no IP packet, tracked', flow(2, { actions: [{ do: 'ct' }] })],
    [
      'a clause beside another action',
      flow(2, {
        actions: [
          { do: 'conjunction', id: 1, clause: 1, of: 2 },
          { do: 'output', port: 1 },
        ],
      }),
    ],
    [
      'a link address of another message',
      flow(2, { match: { ...protocol.icmp6, icmpv6_type: 135, icmpv6_code: 0, nd_tll: 'fa:16:3e:00:00:01' } }),
    ],
    ['no such group', flow(2, { actions: [{ do: 'group', group: 99 }] })],
    ['no such meter', flow(2, { actions: [{ do: 'meter', meter: 99 }] })],
    ['back to a table', flow(2, { actions: [{ do: 'goto_table', table: 4 }] })],
    ['a number too large for a field', flow(2, { match: { reg0: 2 ** 33 } })],
    ['a text that is no address', flow(2, { match: { eth_src: 'fa:16' } })],
    ['a table that is none', flow(2, { table: 255 })],
    ['a priority that is none', flow(2, { priority: 65_536 })],
    ['fields of two widths', flow(2, { actions: [{ do: 'move', from: 'eth_src', to: 'reg0' }] })],
    ['bits that a field does not have', flow(2, { actions: [{ do: 'load', value: 1n, to: { field: 'reg0', bits: [30, 32] } }] })],
    ['a value wider than its bits', flow(2, { actions: [{ do: 'load', value: 16n, to: { field: 'reg0', bits: [0, 3] } }] })],
    ['a clause beyond the last', flow(2, { actions: [{ do: 'conjunction', id: 1, clause: 3, of: 2 }] })],
    [
      'something else than marks set on a connection',
      flow(2, { actions: [{ do: 'ct', commit: true, exec: [{ do: 'set_field', field: 'reg0', value: 1 }] }] }),
    ],
    ['a field that is read only', flow(2, { actions: [{ do: 'set_field', field: 'ct_state', value: '+trk' }] })],
  ];

  check('a batch with one bad flow changes nothing, and the flow is named', async ({ door }) => {
    await door.apply(add([flow(1)]));
    const before = await texts(door);
    for (const [why, wrong] of bad) {
      const e = await refusal(door.apply([{ do: 'delete-all', where: {} }, ...add([flow(3), wrong, flow(4)])]));
      assert.equal(e.index, 2, `${why}: ${e.message}`);
      assert.match(e.code, /^[A-Z][A-Z0-9_]+$/, why);
      assert.ok(e.message.includes('table='), `${why}: ${e.message}`);
      assert.deepEqual(await texts(door), before, why);
    }
    await door.apply(add([flow(4)]));
    assert.equal((await door.flows()).length, 2);
  });

  check('transactions at the same time do not touch each other', async ({ door }) => {
    const part = (from: number): Flow[] => Array.from({ length: 300 }, (_, i) => flow(from + i));
    const [one, bad, two] = await Promise.allSettled([
      door.apply(add(part(0))),
      door.apply(add([...part(1000), flow(1, { match: { tcp_dst: 80 } })])),
      door.apply(add(part(2000))),
    ]);
    assert.deepEqual([one.status, bad.status, two.status], ['fulfilled', 'rejected', 'fulfilled']);
    assert.equal((bad as PromiseRejectedResult).reason.index, 300);
    assert.deepEqual(await texts(door), textsOf([...part(0), ...part(2000)]));
  });

  check('a flow that overlaps is refused when that was asked for', async ({ door }) => {
    await door.apply(add([flow(1)]));
    const e = await refusal(door.apply(add([flow(1, { match: { reg1: 1 }, flags: ['check_overlap'] })])));
    assert.deepEqual([e.index, e.code], [0, 'OFPFMFC_OVERLAP']);
  });
}

function groupsAndMeters(check: Check): void {
  check('groups come, change and go, with the flows that use them', async ({ door }) => {
    const other: Group = { id: 2, type: 'all', buckets: [{ actions: [{ do: 'output', port: 1 }] }, { actions: [] }] };
    const failover: Group = {
      id: 3,
      type: 'ff',
      buckets: [
        { watch_port: 1, actions: [{ do: 'output', port: 1 }] },
        { watch_group: 2, actions: [{ do: 'group', group: 2 }] },
      ],
    };
    const indirect: Group = { id: 4, type: 'indirect', buckets: [{ actions: [{ do: 'pop_vlan' }, { do: 'output', port: 'in_port' }] }] };
    const user = flow(1, { actions: [{ do: 'group', group: 1 }] });
    await door.apply([sampleGroup, other, failover, indirect].map(group => ({ do: 'add-group', group })));
    await door.apply(add([user, flow(2)]));
    const read = async (): Promise<readonly Group[]> => (await door.groups()).toSorted((a, b) => a.id - b.id);
    assert.deepEqual(await read(), [sampleGroup, other, failover, indirect]);
    const changed: Group = { ...sampleGroup, type: 'indirect', buckets: [{ actions: [{ do: 'output', port: 9 }] }] };
    await door.apply([
      { do: 'modify-group', group: changed },
      { do: 'delete-group', id: 3 },
      { do: 'delete-group', id: 99 },
    ]);
    assert.deepEqual(await read(), [changed, other, indirect]);
    assert.equal((await refusal(door.apply([{ do: 'add-group', group: other }]))).index, 0);
    assert.equal((await refusal(door.apply([...add([flow(3)]), { do: 'modify-group', group: failover }]))).index, 1);
    assert.deepEqual(await texts(door), textsOf([user, flow(2)]));
    await door.apply([{ do: 'delete-group', id: 1 }]);
    assert.deepEqual(await texts(door), textsOf([flow(2)]));
    assert.deepEqual(await read(), [other, indirect]);
  });

  check('meters come, change and go, with the flows that use them', async ({ door }) => {
    const fast: Meter = { id: 2, unit: 'kbps', stats: true, bands: [{ type: 'drop', rate: 10_000, burst: 1000 }] };
    await door.applyMeters([
      { do: 'add', meter: sampleMeter },
      { do: 'add', meter: fast },
    ]);
    const read = async (): Promise<readonly Meter[]> => (await door.meters()).toSorted((a, b) => a.id - b.id);
    assert.deepEqual(await read(), [sampleMeter, fast]);
    await door.apply(add([flow(1, { actions: [{ do: 'meter', meter: 1 }] }), flow(2)]));
    const slow: Meter = { id: 2, unit: 'pktps', bands: [{ type: 'drop', rate: 5 }] };
    const e = await refusal(
      door.applyMeters([
        { do: 'modify', meter: slow },
        { do: 'add', meter: sampleMeter },
        { do: 'delete', id: 2 },
      ]),
    );
    assert.deepEqual([e.index, e.code], [1, 'OFPMMFC_METER_EXISTS']);
    assert.deepEqual(await read(), [sampleMeter, slow]);
    assert.equal((await refusal(door.applyMeters([{ do: 'modify', meter: { ...slow, id: 9 } }]))).code, 'OFPMMFC_UNKNOWN_METER');
    await door.applyMeters([
      { do: 'delete', id: 1 },
      { do: 'delete', id: 9 },
    ]);
    assert.deepEqual(await read(), [slow]);
    assert.deepEqual(await texts(door), textsOf([flow(2)]));
  });
}

function news(check: Check): void {
  check('ports are listed, and their coming and going is told', async ({ door, bridge, ports }, under) => {
    await under.addPort(bridge, 'p1');
    await until(() => ports.some(([kind, p]) => kind === 'added' && p.name === 'p1'), 'p1 is there');
    const names = async (): Promise<string[]> => (await door.ports()).map(p => p.name).sort();
    assert.deepEqual(await names(), [bridge, 'p1'].sort());
    const local = (await door.ports()).find(p => p.name === bridge);
    assert.equal(local?.port, 'local');
    assert.match(local?.mac ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    await under.removePort(bridge, 'p1');
    await until(() => ports.some(([kind, p]) => kind === 'removed' && p.name === 'p1'), 'p1 is gone');
    assert.deepEqual(await names(), [bridge]);
  });

  check('a switch that begins again is told, is empty, and takes flows at once', async ({ door, gaps, away }, under) => {
    await until(() => gaps() === 1, 'the first gap');
    await door.apply(add([flow(1)]));
    await under.stop();
    await until(() => away.length > 0, 'the connection is gone');
    const waits = door.flows();
    await under.start();
    assert.deepEqual(await waits, []);
    await until(() => gaps() === 2, 'the second gap');
    await door.apply(add([flow(2)]));
    assert.deepEqual(await texts(door), textsOf([flow(2)]));
  });

  check('a switch that is not there is said to be away, and one that is closed stays so', async ({ door }, under) => {
    await using none = under.openflow.open('no-such-br', { onGap: () => assert.fail('there is none') });
    await assert.rejects(none.up(300), OpenflowAway);
    await door[Symbol.asyncDispose]();
    await assert.rejects(door.flows(), OpenflowAway);
    await assert.rejects(door.apply(add([flow(1)])), OpenflowAway);
  });
}
