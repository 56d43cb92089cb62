// Switches that answer in pieces, with what is not known here, with lies, or not at all.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenflowAway, OpenflowRefusal } from '../../../contracts/host/openflow.ts';
import { sampleFlows } from '../../../contracts/host/openflow-flows.suite.ts';
import { until } from '../../../contracts/host/under-test.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { flowKey, flowText, sameFlow } from '../../../domain/openflow/identity.ts';
import { Garbled, Reader, Writer } from './bytes.ts';
import { Frames, type Message } from './frames.ts';
import { changeBody, readFlows, writeMessage } from './messages.ts';
import { OvsOpenflow } from './openflow.ts';
import { writeMatch } from './tlv.ts';
import { MESSAGE } from './wire.ts';
import { writeInstructions } from './write-actions.ts';

type Answer = (message: Message, answer: (type: number, body: Buffer) => void, socket: Socket) => void;

/** Greets and answers barriers and echoes as a switch does; the rest is the test's. */
class ScriptedSwitch implements AsyncDisposable {
  readonly heard: Message[] = [];
  hello: (socket: Socket) => void = socket => socket.write(message(MESSAGE.hello, 0, Buffer.from('0001000800000020', 'hex')));
  answer: Answer = () => {};
  echoes = true;
  private readonly folder = mkdtempSync(join(tmpdir(), 'of-'));
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  readonly target = `unix:${this.folder}/s`;

  private constructor() {
    this.server = createServer(socket => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      const frames = new Frames();
      this.hello(socket);
      socket.on('data', piece => {
        for (const m of frames.push(piece)) this.take(m, socket);
      });
    });
  }

  static async open(): Promise<ScriptedSwitch> {
    const opened = new ScriptedSwitch();
    await new Promise<void>(resolve => opened.server.listen(join(opened.folder, 's'), resolve));
    return opened;
  }

  private take(m: Message, socket: Socket): void {
    this.heard.push(m);
    const answer = (type: number, body: Buffer): void => void socket.write(message(type, m.xid, body));
    if (m.type === MESSAGE.barrier_request) answer(MESSAGE.barrier_reply, Buffer.alloc(0));
    else if (m.type === MESSAGE.echo_request && this.echoes) answer(MESSAGE.echo_reply, Buffer.alloc(0));
    else this.answer(m, answer, socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise(resolve => this.server.close(resolve));
    rmSync(this.folder, { recursive: true });
  }
}

function message(type: number, xid: number, body: Buffer): Buffer {
  const w = new Writer();
  writeMessage(w, { type, write: b => b.hex(body.toString('hex')) }, xid);
  return w.done();
}

async function opened(script: ScriptedSwitch, options: { probeMs?: number; greetingMs?: number } = {}) {
  const away: string[] = [];
  let gaps = 0;
  const door = new OvsOpenflow(options).open(script.target, { onGap: () => gaps++, onAway: why => away.push(why) });
  return { door, away, gaps: () => gaps, [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

/** One flow of an answer; `match` and `instructions` as they are. */
function entry(match: Buffer, instructions: Buffer, length?: number): Buffer {
  const w = new Writer();
  w.u16(length ?? 48 + match.length + instructions.length);
  w.u8(5).u8(0).u32(1).u32(0).u16(10).u16(0).u16(0).u16(0).u16(0).zeros(2).u64(7n).u64(0n).u64(0n);
  return Buffer.concat([w.done(), match, instructions]);
}

/** TLVs with the header of a match. */
function matchOf(tlvs: string, length = 4 + tlvs.length / 2): Buffer {
  const w = new Writer();
  w.u16(1).u16(length).hex(tlvs).pad8(0);
  return w.done();
}

function entryOf(flow: Flow): Buffer {
  const match = new Writer();
  writeMatch(match, flow.match);
  const instructions = new Writer();
  writeInstructions(instructions, flow.actions);
  return entry(match.done(), instructions.done());
}

const part = (flows: Buffer, more: boolean): Buffer => Buffer.concat([Buffer.from(`0001000${more ? 1 : 0}00000000`, 'hex'), flows]);

/** Answers a question for flows with this. */
function flowsAre(...parts: readonly Buffer[]): Answer {
  return (m, answer) => {
    if (m.type !== MESSAGE.multipart_request) return;
    for (const [i, flows] of parts.entries()) answer(MESSAGE.multipart_reply, part(flows, i < parts.length - 1));
  };
}

const APPLY_NORMAL = Buffer.from(`0004001800000000${'00000010fffffffa0000000000000000'}`, 'hex');
const nothing = matchOf('');

test('messages are the same however the pieces arrive', () => {
  const whole = Buffer.concat([message(2, 1, Buffer.alloc(0)), message(3, 2, Buffer.from('abcdef')), message(4, 3, Buffer.alloc(300))]);
  const shape = (ms: readonly Message[]): unknown => ms.map(m => [m.type, m.xid, m.body.copy().left]);
  const wanted = [
    [2, 1, 0],
    [3, 2, 6],
    [4, 3, 300],
  ];
  for (let size = 1; size <= whole.length; size++) {
    const frames = new Frames();
    const got: Message[] = [];
    for (let at = 0; at < whole.length; at += size) got.push(...frames.push(whole.subarray(at, at + size)));
    assert.deepEqual(shape(got), wanted, `pieces of ${size}`);
  }
  assert.throws(() => new Frames().push(Buffer.from('0500000700000001', 'hex')), /a message of 7 bytes/);
});

test('an answer in many parts and pieces is one list', async () => {
  await using script = await ScriptedSwitch.open();
  const flows = sampleFlows.slice(0, 60);
  const entries = flows.map(entryOf);
  script.answer = (m, _answer, socket) => {
    if (m.type !== MESSAGE.multipart_request) return;
    const parts = [entries.slice(0, 20), entries.slice(20, 21), [], entries.slice(21)];
    const bytes = Buffer.concat(parts.map((p, i) => message(MESSAGE.multipart_reply, m.xid, part(Buffer.concat(p), i < parts.length - 1))));
    for (let at = 0; at < bytes.length; at += 77) socket.write(bytes.subarray(at, at + 77));
  };
  await using o = await opened(script);
  const found = await o.door.flows();
  assert.deepEqual(
    found.map(f => flowText({ ...f, cookie: 0n, table: 0, priority: 0 })),
    flows.map(f => flowText({ table: 0, priority: 0, cookie: 0n, match: f.match, actions: f.actions })),
  );
});

test('what is not known is kept, told apart, and sent back as it came', async () => {
  await using script = await ScriptedSwitch.open();
  const unknownField = '8000fe0401020304';
  const unknownExperimenter = 'ffff0208deadbeef01020304';
  const wrongLength = '80000a03000800'; // an eth_type of three bytes
  const valueBesideMask = '00010108ffffffff0000ffff'; // reg0 with ones outside of its mask
  const knownTwice = '80000a02080080000a0286dd';
  const unknownAction = 'ffff00100000232003e7000000000000';
  const otherVendor = 'ffff0010deadbeef0001020304050607';
  const lyingLearn = 'ffff0028000023200010000000000001000000000000000000001400000000002fff000000000000';
  const unknownInstruction = 'ffff0010000023200000000000000000';
  const apply = (actions: string): Buffer =>
    Buffer.from(`0004${(8 + actions.length / 2).toString(16).padStart(4, '0')}00000000${actions}`, 'hex');
  const entries = [
    entry(matchOf(unknownField), APPLY_NORMAL),
    entry(matchOf(`${unknownField.slice(0, -2)}05`), APPLY_NORMAL),
    entry(matchOf(unknownExperimenter), APPLY_NORMAL),
    entry(matchOf(wrongLength), APPLY_NORMAL),
    entry(matchOf(valueBesideMask), APPLY_NORMAL),
    entry(matchOf(knownTwice), APPLY_NORMAL),
    entry(nothing, apply(unknownAction)),
    entry(nothing, apply(otherVendor)),
    entry(nothing, apply(lyingLearn)),
    entry(nothing, Buffer.from(unknownInstruction, 'hex')),
  ];
  script.answer = flowsAre(Buffer.concat(entries));
  await using o = await opened(script);
  const found = await o.door.flows();
  assert.equal(found.length, entries.length);
  assert.equal(new Set(found.slice(0, 6).map(flowKey)).size, 6);
  assert.deepEqual(found[0]?.match, { opaque: [unknownField] });
  assert.deepEqual(found[5]?.match, { eth_type: 0x0800, opaque: [knownTwice.slice(12)] });
  assert.deepEqual(found[6]?.actions, [{ do: 'opaque', kind: 'action', bytes: unknownAction }]);
  assert.deepEqual(found[8]?.actions, [{ do: 'opaque', kind: 'action', bytes: lyingLearn }]);
  assert.deepEqual(found[9]?.actions, [{ do: 'opaque', kind: 'instruction', bytes: unknownInstruction }]);
  for (const [i, flow] of found.entries()) {
    assert.ok(sameFlow(flow, flow) && flowText(flow).length > 0);
    const w = new Writer();
    changeBody({ do: 'add', flow }).write(w);
    const sent = new Reader(w.done());
    sent.skip(40);
    assert.equal(sent.hex(sent.left), entries[i]?.subarray(48).toString('hex'), `flow ${i} comes back as it was`);
    changeBody({ do: 'delete', flow }).write(new Writer());
  }
});

const lies: readonly (readonly [what: string, flows: Buffer])[] = [
  ['an entry of no length', entry(nothing, APPLY_NORMAL, 0)],
  ['an entry shorter than its head', entry(nothing, APPLY_NORMAL, 20)],
  ['an entry longer than the answer', entry(nothing, APPLY_NORMAL, 500)],
  ['a match longer than its entry', entry(matchOf('', 400), APPLY_NORMAL)],
  ['a match shorter than its header', entry(matchOf('', 2), APPLY_NORMAL)],
  ['a match of another kind', entry(Buffer.from('0000000400000000', 'hex'), APPLY_NORMAL)],
  ['a field longer than its match', entry(matchOf('80000a0808000000'), APPLY_NORMAL)],
  ['half a field', entry(matchOf('8000'), APPLY_NORMAL)],
  ['an instruction of no length', entry(nothing, Buffer.from('0004000000000000', 'hex'))],
  ['an instruction longer than its entry', entry(nothing, Buffer.from('0004002000000000', 'hex'))],
  ['an instruction of seven bytes', entry(nothing, Buffer.from('0005000700000000', 'hex'))],
  ['bytes behind the last entry', Buffer.concat([entry(nothing, APPLY_NORMAL), Buffer.from('00')])],
];

test('an answer that lies about lengths is an error, and the connection is made anew', async () => {
  await using script = await ScriptedSwitch.open();
  await using o = await opened(script);
  await o.door.up();
  for (const [i, [what, flows]] of lies.entries()) {
    script.answer = flowsAre(flows);
    await assert.rejects(o.door.flows(), (e: unknown) => e instanceof OpenflowAway && /garbled/.test(e.message), what);
    script.answer = flowsAre(entry(nothing, APPLY_NORMAL));
    assert.equal((await o.door.flows()).length, 1, what);
    assert.equal(o.gaps(), i + 2, what);
  }
});

test('actions within actions without end are opaque', async () => {
  const depth = 4000;
  const clones = Array.from({ length: depth }, (_, i) => `ffff${(16 * (depth - i)).toString(16).padStart(4, '0')}00002320002a000000000000`);
  await using script = await ScriptedSwitch.open();
  const length = (8 + 16 * depth).toString(16).padStart(4, '0');
  script.answer = flowsAre(entry(nothing, Buffer.from(`0004${length}00000000${clones.join('')}`, 'hex')));
  await using o = await opened(script);
  const [flow] = await o.door.flows();
  assert.match(flowText(flow ?? { table: 0, priority: 0, match: {}, actions: [] }), /^.{60,}(clone\(){10,40}opaque_action:/);
});

test('an action that lies inside of its instruction makes that instruction opaque', async () => {
  await using script = await ScriptedSwitch.open();
  const inner = Buffer.from('0004001000000000ffff00f000002320', 'hex');
  script.answer = flowsAre(entry(nothing, inner));
  await using o = await opened(script);
  assert.deepEqual((await o.door.flows())[0]?.actions, [{ do: 'opaque', kind: 'instruction', bytes: inner.toString('hex') }]);
});

/** Small and the same every time (a linear congruence). */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('whatever bytes come, flows are read, printed and written again, or the answer is garbled', () => {
  const random = randomNumbers(20_240_501);
  const all = sampleFlows.map(entryOf);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.concat([all[random(all.length)] ?? nothing, all[random(all.length)] ?? nothing]);
    for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
    if (readAll(random(8) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)) read++;
  }
  assert.ok(read > 5000 && read < 19_000, `${read} read`);
});

function readAll(bytes: Buffer): boolean {
  try {
    for (const flow of readFlows(new Reader(bytes))) {
      flowKey(flow);
      flowText(flow);
      changeBody({ do: 'add', flow }).write(new Writer());
    }
    return true;
  } catch (error) {
    if (error instanceof Garbled) return false;
    throw error;
  }
}

test('errors have names, and those of no name their numbers', async () => {
  const errors: readonly (readonly [body: string, code: string])[] = [
    ['00050001', 'OFPFMFC_TABLE_FULL'],
    ['0002000a', 'OFPBAC_MATCH_INCONSISTENT'],
    ['ffff000f00002320', 'NXBAC_BAD_CONJUNCTION'],
    ['ffff000f0000dead', 'EXPERIMENTER_0xDEAD_15'],
    ['00630001', 'ERROR_99_1'],
  ];
  await using script = await ScriptedSwitch.open();
  await using o = await opened(script);
  for (const [body, code] of errors) {
    script.answer = (m, answer) => m.type === MESSAGE.multipart_request && answer(MESSAGE.error, Buffer.from(body, 'hex'));
    await assert.rejects(o.door.flows(), (e: unknown) => e instanceof OpenflowRefusal && e.code === code, code);
  }
});

test('a bundle that is refused is discarded, not committed, and names the first bad change', async () => {
  await using script = await ScriptedSwitch.open();
  const controls: number[] = [];
  let added = 0;
  script.answer = (m, answer) => {
    if (m.type === MESSAGE.bundle_control) {
      const body = m.body.copy();
      body.skip(4);
      const type = body.u16();
      assert.equal(body.u16(), 3, 'atomic and ordered');
      controls.push(type);
      answer(MESSAGE.bundle_control, Buffer.from(`${'00000000'}000${type + 1}0003`, 'hex'));
    }
    if (m.type === MESSAGE.bundle_add && added++ > 0) answer(MESSAGE.error, Buffer.from('00020004', 'hex'));
  };
  await using o = await opened(script);
  const changes = sampleFlows.slice(0, 4).map(flow => ({ do: 'add', flow }) as const);
  await assert.rejects(
    o.door.apply(changes),
    (e: unknown) => e instanceof OpenflowRefusal && e.index === 1 && e.code === 'OFPBAC_BAD_OUT_PORT',
  );
  assert.deepEqual(controls, [0, 6]);
});

test('a switch that goes during a call is away, and silence is told from patience', async () => {
  await using script = await ScriptedSwitch.open();
  script.answer = (m, _answer, socket) => m.type === MESSAGE.multipart_request && socket.destroy();
  await using o = await opened(script, { probeMs: 60 });
  await assert.rejects(o.door.flows(), OpenflowAway);
  await o.door.up();
  const [gaps, awayBefore] = [o.gaps(), o.away.length];
  await until(() => script.heard.filter(m => m.type === MESSAGE.echo_request).length >= 3, 'echoes are asked for');
  assert.deepEqual([o.gaps(), o.away.length], [gaps, awayBefore], 'who answers echoes stays');
  script.echoes = false;
  await until(() => o.away.length > awayBefore, 'the silent switch is away');
  assert.match(o.away.at(-1) ?? '', /nothing heard for/);
});

test('a switch on this machine that is away is sought often, however long that is', async () => {
  await using script = await ScriptedSwitch.open();
  let tries = 0;
  script.hello = socket => {
    tries++;
    socket.destroy();
  };
  await using _ = await opened(script);
  await until(() => tries > 20, 'twenty attempts');
});

test('who is never to be asked is never thought away', async () => {
  await using script = await ScriptedSwitch.open();
  script.echoes = false;
  const away: string[] = [];
  await using door = new OvsOpenflow({ probeMs: 5, greetingMs: 100 }).open(
    script.target,
    { onGap() {}, onAway: why => away.push(why) },
    { probeMs: 0 },
  );
  await using asked = await opened(script, { probeMs: 20 });
  await door.up();
  await until(() => asked.away.length > 5, 'the one beside it is thought away, again and again');
  assert.deepEqual(away, []);
});

test('a greeting that does not come, is another protocol’s or an older version’s, is told', async () => {
  await using script = await ScriptedSwitch.open();
  const cases: readonly (readonly [hello: (s: Socket) => void, words: RegExp])[] = [
    [() => {}, /no greeting within 50 ms/],
    [s => s.write(Buffer.from('0100000800000000', 'hex')), /must have OpenFlow14/],
    [s => s.write(Buffer.from('06000010000000000001000800000012', 'hex')), /must have OpenFlow14/],
    [s => s.write(Buffer.from('0101000c0000000000000000', 'hex')), /must have OpenFlow14.*OFPHFC_INCOMPATIBLE/],
    [s => s.write('SSH-2.0-OpenSSH_9.2p1\r\n'.repeat(999)), /garbled answer: a greeting of type 83/],
    [s => s.end(), /closed the connection|EPIPE/],
  ];
  for (const [hello, words] of cases) {
    script.hello = hello;
    await using o = await opened(script, { greetingMs: 50 });
    await assert.rejects(o.door.up(250), (e: unknown) => e instanceof OpenflowAway && words.test(e.message), String(words));
    assert.equal(o.gaps(), 0);
  }
});

test('a name that is no bridge’s is refused', () => {
  const door = new OvsOpenflow({ rundir: '/run' });
  for (const name of [
    '',
    '.',
    '..',
    '../x',
    'a/b',
    'a b',
    'a\0',
    'unix:',
    `unix:/${'x'.repeat(108)}`,
    'tcp:',
    'tcp:host',
    'tcp:host:123456',
  ])
    assert.throws(() => door.open(name, { onGap: () => {} }), /no bridge's name|no path/, JSON.stringify(name));
});
