// The message bus as oslo.messaging means it: topics, servers, fan-out, call, cast. Bodies cross every adapter as JSON.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The request context that travels with a message, as `_context_*` keys on the wire. Never holds a token. */
export interface RpcContext {
  readonly request_id: string;
  readonly is_admin: boolean;
  readonly user_id: string | null;
  readonly project_id: string | null;
  readonly roles: readonly string[];
  readonly global_request_id?: string | null;
}

/** Where a message goes: `server` absent means any one server of the topic; `fanout` means every one, `servers` each of these, for casts alone. */
export interface Target {
  readonly topic: string;
  readonly server?: string;
  readonly fanout?: boolean;
  readonly servers?: readonly string[];
  /** Absent in all of Neutron's traffic but the topics `trunk` and `logging-plugin`. */
  readonly namespace?: string;
  /** major.minor; absent means 1.0. */
  readonly version?: string;
}

export type RpcHandler = (args: Readonly<Record<string, Json>>, context: RpcContext) => Promise<unknown> | unknown;

/** Methods offered under one namespace and version. A request is compatible when its major is equal and its minor not above. */
export interface Endpoint {
  readonly namespace?: string;
  readonly version: string;
  readonly methods: Readonly<Record<string, RpcHandler>>;
}

export interface BusServer {
  readonly topic: string;
  /** The `host` option: the server name within the topic. */
  readonly server: string;
  readonly endpoints: readonly Endpoint[];
  /** An agent's: it hears what is for it by name and what is for all, and need not hear what is for any one server of the topic. */
  readonly agent?: true;
}

export interface CallOptions {
  /** Default 60 000. */
  readonly timeoutMs?: number;
  readonly context?: RpcContext;
}

export interface Bus extends AsyncDisposable {
  /**
   * Rejects with RemoteError when the far end failed, with BusTimeout when nobody answered in time, with BusUnavailable when the
   * connection went meanwhile. While the connection is down, a call waits for it within its timeout. Nothing is sent twice.
   */
  call(target: Target, method: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Json>;
  /** Resolves when the message has been handed over; a topic that nobody serves drops it silently. Waits and rejects as `call` does. */
  cast(target: Target, method: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<void>;
  /**
   * False: a message to a topic that begins like one of these would reach nobody, now or when somebody comes back. Absent or true where
   * only a broker elsewhere knows.
   */
  hears?(beginnings: readonly string[]): boolean;
  /** Serves a topic until disposed. Listens on `topic` (an agent need not), `topic.server` and the topic's fan-out. */
  serve(server: BusServer): Promise<AsyncDisposable>;
  /** Calls back when the connection comes back (true) or goes (false). A bus just opened is up; in-process adapters always are. */
  onUp(listener: (up: boolean) => void): Disposable;
}

/** The failure of a remote method. `excType` is the Python class name, which is what agents decide by. */
export class RemoteError extends Error {
  readonly excType: string;
  readonly traceback: readonly string[];
  constructor(excType: string, message: string, traceback: readonly string[] = []) {
    super(message);
    this.name = 'RemoteError';
    this.excType = excType;
    this.traceback = traceback;
  }
}

/** Thrown by a handler to answer with a named Python exception class. */
export class RpcFailure extends Error {
  readonly excType: string;
  readonly module: string;
  constructor(excType: string, message: string, module = 'neutron_lib.exceptions') {
    super(message);
    this.name = 'RpcFailure';
    this.excType = excType;
    this.module = module;
  }
}

export class BusTimeout extends Error {
  constructor(method: string, timeoutMs: number) {
    super(`no reply to ${method} within ${timeoutMs} ms`);
    this.name = 'BusTimeout';
  }
}

/** The message could not be handed over, or the connection went before the reply came: then it may or may not have been executed. */
export class BusUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BusUnavailable';
  }
}
