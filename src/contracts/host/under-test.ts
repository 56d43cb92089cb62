// What a contract suite of the host's doors needs besides the doors: the outside world's part, done really or simulated.
import type { Flow } from './firewall.ts';
import type { Host } from './host.ts';
import type { Netns } from './netns.ts';
import type { OvsdbOptions, OvsdbSession, OvsOperation } from './ovsdb.ts';

export interface HostUnderTest extends AsyncDisposable {
  readonly host: Host;
  /** A folder for files and pid files. */
  readonly folder: string;
  /** Somebody else makes a tap in the namespace, and takes it away. */
  plug(ns: Netns, name: string): Promise<void>;
  unplug(ns: Netns, name: string): Promise<void>;
  /** A connection begins. */
  track(ns: Netns, flow: Flow): Promise<void>;
  /** A daemon dies. */
  kill(pid: number): void;
  /** The sources of link events die. */
  killMonitors(): Promise<void>;
  /** A daemon that stays in the foreground, and a command that ends at once with these words. */
  readonly stays: readonly string[];
  readonly endsAtOnce: { readonly argv: readonly string[]; readonly words: RegExp };
  /** A daemon that goes into the background and writes its own pid into the file; undefined where there is none. */
  daemonises?(pidFile: string): readonly string[];
  /** How many processes the doors have started; undefined where they start none. */
  spawned?(): number;
}

export type OpenHost = () => Promise<HostUnderTest>;

/** One namespace of its own for a test, gone afterwards. */
export async function inNamespace(under: HostUnderTest, body: (ns: Netns) => Promise<void>): Promise<void> {
  const ns = `hd-${process.pid}-${++count}`;
  await under.host.links.addNamespace(ns);
  try {
    await body(ns);
  } finally {
    await under.host.links.delNamespace(ns);
  }
}
let count = 0;

/** Until it holds; the kernel and other processes take their time. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, withinMs = 5000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** Open vSwitch, with what befalls it. */
export interface OvsdbUnderTest extends AsyncDisposable {
  /** Default: the server's own socket. */
  open(connection?: string, more?: Partial<OvsdbOptions>): OvsdbSession;
  /** A device of the host's own. */
  plug(name: string): Promise<void>;
  unplug(name: string): Promise<void>;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  stopSwitch(): Promise<void>;
  startSwitch(): Promise<void>;
  /** While the server does not run. */
  changeWhileAway(operations: readonly OvsOperation[]): Promise<void>;
}

export type OpenOvsdb = () => Promise<OvsdbUnderTest>;
export type OvsdbCheck = (what: string, body: (session: OvsdbSession, under: OvsdbUnderTest) => Promise<void>) => void;
