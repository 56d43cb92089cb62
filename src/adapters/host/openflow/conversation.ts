// One connection to a switch from its greeting to its end: questions and their answers, news, and the proof that the other side lives.
import type { Socket } from 'node:net';
import { OpenflowAway, OpenflowRefusal, type SwitchOptions } from '../../../contracts/host/openflow.ts';
import { Garbled, type Reader, Writer } from './bytes.ts';
import { readError } from './errors.ts';
import { Frames, type Message } from './frames.ts';
import { type Body, controllerIdBody, writeMessage } from './messages.ts';
import { MESSAGE, MULTIPART_MORE, REASON_ACTION, VERSION } from './wire.ts';

export interface ConversationEvents {
  /** Greeted, and set up to be told news. */
  onUp(): void;
  /** Once, whatever ends it. */
  onEnd(reason: string): void;
  onNews(type: number, body: Reader): void;
}

/** How it is conducted. */
export interface Manner extends Pace, Omit<SwitchOptions, 'probeMs'> {}

export interface Pace {
  /** Nothing heard for so long: ask. For twice as long: the connection is dead. */
  readonly probeMs: number;
  readonly greetingMs: number;
}

interface Question {
  answer(message: Message): void;
  refuse(code: string): void;
  lose(reason: string): void;
}

/** Hears the errors of many messages that are not answered when all is well. */
interface Batch {
  readonly first: number;
  readonly last: number;
  readonly refused: (index: number, code: string) => void;
}

export class Conversation {
  private readonly socket: Socket;
  private readonly events: ConversationEvents;
  private readonly pace: Manner;
  private readonly frames = new Frames();
  private readonly questions = new Map<number, Question>();
  private readonly batches = new Set<Batch>();
  private readonly timer: NodeJS.Timeout;
  private heard = performance.now();
  private lastXid = 0;
  private greeted = false;
  private ended = false;

  constructor(socket: Socket, events: ConversationEvents, pace: Manner) {
    this.socket = socket;
    this.events = events;
    this.pace = pace;
    this.timer = setInterval(() => this.probe(), Math.min(pace.probeMs || pace.greetingMs, pace.greetingMs) / 2);
    socket.on('data', piece => this.hear(piece));
    socket.on('error', error => this.end(error.message));
    socket.on('close', () => this.end('the switch closed the connection'));
    const w = new Writer(16);
    // the versions spoken, as a bitmap (OpenFlow 1.4 §7.5.1)
    this.send(
      writer =>
        writeMessage(
          writer,
          {
            type: MESSAGE.hello,
            write: b =>
              b
                .u16(1)
                .u16(8)
                .u32(1 << VERSION),
          },
          0,
        ),
      w,
    );
  }

  end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.socket.destroy();
    for (const question of this.questions.values()) question.lose(reason);
    this.questions.clear();
    this.events.onEnd(reason);
  }

  /** Numbers for so many messages that follow one another; the first of them. */
  numbers(count: number): number {
    if (this.lastXid + count > 0xffff_fff0) this.lastXid = 0;
    const first = this.lastXid + 1;
    this.lastXid += count;
    return first;
  }

  send(write: (w: Writer) => void, w = new Writer()): void {
    write(w);
    this.socket.write(w.done());
  }

  /** One question: the bodies of its answer, of which there are many for a long list. */
  ask(body: Body, xid = this.numbers(1)): Promise<Reader[]> {
    const w = new Writer();
    writeMessage(w, body, xid);
    const bodies = this.expect(xid);
    this.socket.write(w.done());
    return bodies;
  }

  private expect(xid: number): Promise<Reader[]> {
    if (this.ended) return Promise.reject(new OpenflowAway('the connection is gone'));
    return new Promise((resolve, reject) => {
      const bodies: Reader[] = [];
      const done = (): void => void this.questions.delete(xid);
      this.questions.set(xid, {
        answer: ({ type, body }) => {
          const more = type === MESSAGE.multipart_reply && multipartMore(body);
          bodies.push(body);
          if (more) return;
          done();
          resolve(bodies);
        },
        refuse: code => {
          done();
          reject(new OpenflowRefusal(code, code));
        },
        lose: reason => reject(new OpenflowAway(reason)),
      });
    });
  }

  /** Sends what is written, whose messages have the numbers from `first` on, and hears which of them are refused until the disposal. */
  batch(bytes: Buffer, first: number, count: number, refused: Batch['refused']): Disposable {
    const batch = { first, last: first + count - 1, refused };
    this.batches.add(batch);
    this.socket.write(bytes);
    return { [Symbol.dispose]: () => void this.batches.delete(batch) };
  }

  private hear(piece: Buffer): void {
    this.heard = performance.now();
    try {
      for (const message of this.frames.push(piece)) if (!this.ended) this.take(message);
    } catch (error) {
      if (!(error instanceof Garbled)) throw error;
      this.end(error.message);
    }
  }

  private take(message: Message): void {
    if (!this.greeted) {
      this.greet(message);
      return;
    }
    if (message.version !== VERSION) throw new Garbled(`a message of version ${message.version}`);
    switch (message.type) {
      case MESSAGE.echo_request:
        this.send(w => writeMessage(w, { type: MESSAGE.echo_reply, write: b => b.hex(message.body.hex(message.body.left)) }, message.xid));
        return;
      case MESSAGE.error:
        this.refused(message);
        return;
      case MESSAGE.packet_in:
      case MESSAGE.flow_removed:
      case MESSAGE.port_status:
        this.events.onNews(message.type, message.body);
        return;
      default:
        this.questions.get(message.xid)?.answer(message);
    }
  }

  private refused({ xid, body }: Message): void {
    const code = readError(body);
    const question = this.questions.get(xid);
    if (question) question.refuse(code);
    for (const b of this.batches) if (xid >= b.first && xid <= b.last) b.refused(xid - b.first, code);
  }

  private greet({ type, version, body }: Message): void {
    if (type === MESSAGE.error) {
      const words = `the bridge speaks no OpenFlow 1.4: its "protocols" must have OpenFlow14 (${readError(body)})`;
      this.end(words);
      return;
    }
    if (type !== MESSAGE.hello) throw new Garbled(`a greeting of type ${type}`);
    if (!speaks(version, body)) {
      this.end('the bridge speaks no OpenFlow 1.4: its "protocols" must have OpenFlow14');
      return;
    }
    this.greeted = true;
    this.setUp().then(
      () => this.events.onUp(),
      (error: Error) => this.end(error.message),
    );
  }

  /** A management connection is told no news until it says which (OFPT_SET_ASYNC): ports and removed flows, and packets where it has an id. */
  private async setUp(): Promise<void> {
    const { controllerId } = this.pace;
    const first = this.numbers(3);
    const w = new Writer();
    writeMessage(w, { type: MESSAGE.set_async, write: b => writeAsync(b, controllerId !== undefined) }, first);
    if (controllerId !== undefined) writeMessage(w, controllerIdBody(controllerId), first + 1);
    const refused: string[] = [];
    using _ = this.batch(w.done(), first, 2, (_index, code) => refused.push(code));
    await this.ask({ type: MESSAGE.barrier_request, write: () => {} }, first + 2);
    if (refused.length > 0) throw new OpenflowAway(`the bridge does not tell news: ${refused.join(', ')}`);
  }

  private probe(): void {
    const silent = performance.now() - this.heard;
    if (!this.greeted && silent > this.pace.greetingMs) this.end(`no greeting within ${this.pace.greetingMs} ms`);
    else if (this.pace.probeMs === 0) return;
    else if (silent > 2 * this.pace.probeMs) this.end(`nothing heard for ${Math.round(silent)} ms`);
    else if (this.greeted && silent > this.pace.probeMs)
      this.send(w => writeMessage(w, { type: MESSAGE.echo_request, write: () => {} }, 0));
  }
}

/** Passes the header of an answer in parts; whether more come. */
function multipartMore(body: Reader): boolean {
  body.skip(2);
  const flags = body.u16();
  body.skip(4);
  return (flags & MULTIPART_MORE) !== 0;
}

/** Whether the greeting's bitmap has our version; a greeting without one has all up to its own. */
function speaks(version: number, body: Reader): boolean {
  while (body.left >= 4) {
    const type = body.u16();
    const length = body.u16();
    if (length < 4) throw new Garbled(`a greeting's part of ${length} bytes`);
    const part = body.part(Math.min(length - 4, body.left));
    if (type === 1 && part.left >= 4) return ((part.u32() >>> VERSION) & 1) === 1;
    body.skip(Math.min((8 - (length % 8)) % 8, body.left));
  }
  return version >= VERSION;
}

/** Properties of OFPT_SET_ASYNC: packets of actions or none, ports all, removed flows all; each for a slave and for a master or equal. */
function writeAsync(w: Writer, packets: boolean): void {
  const handed = packets ? 1 << REASON_ACTION : 0;
  const kinds: readonly (readonly [type: number, mask: number])[] = [
    [0, handed],
    [1, handed],
    [2, 0x7],
    [3, 0x7],
    [4, 0xf],
    [5, 0xf],
  ];
  for (const [type, mask] of kinds) w.u16(type).u16(8).u32(mask);
}
