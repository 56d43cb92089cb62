// How the command line talks to the main process: JSON over HTTP on the control socket in the state directory.
import type { StateFolder } from './state.ts';
import { Failure } from './verb.ts';

const { request } = process.getBuiltinModule('node:http');

export interface AgentProcessView {
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  readonly pid?: number;
  readonly since: number;
  readonly restarts: number;
  readonly lastEnd?: string;
}

export interface HostView {
  readonly name: string;
  /** Process 1 of its sandbox; absent on the machine's own network. */
  readonly init?: number;
  readonly process: AgentProcessView;
  /** Of its Open vSwitch. */
  readonly daemons?: readonly (AgentProcessView & { readonly name: string })[];
  /** As the API lists them. */
  readonly agents: readonly { readonly agent_type: string; readonly alive: boolean; readonly heartbeat_timestamp: string | null }[];
}

export interface StatusView {
  readonly pid: number;
  /** ISO 8601 UTC. */
  readonly since: string;
  readonly url: string;
  readonly identity_url: string;
  readonly state_dir: string;
  /** Absent behind a Keystone, whose users' passwords are not ours. */
  readonly clouds_yaml?: string;
  /** `server`: there are no hosts. */
  readonly mode: 'contained' | 'on-host' | 'server';
  /** Run by an ordinary user, in a user namespace. */
  readonly rootless: boolean;
  readonly ready: boolean;
  /** What is missing, and why; empty when ready. */
  readonly missing: readonly string[];
  /** Process 1 of the underlay's sandbox. */
  readonly underlay?: number;
  readonly hosts: readonly HostView[];
  /** Of a server of several processes. */
  readonly workers?: readonly (AgentProcessView & { readonly name: string })[];
  readonly published: readonly string[];
}

/** Something that an audit found, with what a repair does. */
export interface AuditView {
  readonly findings: readonly FindingView[];
  /** Empty unless repairs were asked for; `why`: why it could not be done. */
  readonly repaired: readonly { readonly finding: FindingView; readonly why?: string }[];
}

export interface FindingView {
  readonly kind: 'orphan' | 'gap' | 'drift';
  readonly where: string;
  readonly what: string;
  readonly ids: readonly string[];
  readonly repair?: string;
}

export interface InstanceView {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port_id: string;
  readonly network_id: string;
  readonly mac_address: string;
  /** What the network assigned to the port. */
  readonly fixed_ips: readonly string[];
  /** What the instance has on its device, with prefix lengths. */
  readonly addresses: readonly string[];
  readonly state: 'running' | 'starting' | 'stopped';
  /** Why it does not run. */
  readonly why?: string;
  /** Process 1 of the instance. */
  readonly init?: number;
}

export interface NewInstance {
  readonly name?: string;
  readonly network?: string;
  readonly port?: string;
  readonly host?: string;
  readonly project?: string;
  readonly security_groups?: readonly string[];
  readonly user_data?: string;
  /** Seconds to wait until the port is ACTIVE and the instance has its addresses; 0: not at all. */
  readonly wait: number;
}

export interface NewPlug {
  readonly port: string;
  readonly host?: string;
  readonly netns?: string;
  /** The name of the device inside `netns`. */
  readonly device?: string;
  readonly tap?: string;
}

export interface RuleView {
  readonly name: string;
  /** In force, written again. */
  readonly check: string;
  /** `default`, `policy.yaml:3`. */
  readonly source: string;
  readonly default?: string;
  readonly operations: readonly string[];
  readonly deprecated: readonly { readonly name: string; readonly check: string }[];
  readonly scopes: readonly string[];
}

export interface PolicyView {
  readonly rules: readonly RuleView[];
  readonly warnings: readonly string[];
}

export interface DecisionView {
  readonly allowed: boolean;
  /** Which rule decides, where it has another name than the one asked about. */
  readonly rule?: string;
  /** Who asked, and about what, as it was understood. */
  readonly caller: Readonly<Record<string, unknown>>;
  readonly target: Readonly<Record<string, unknown>>;
  /** Indented lines. */
  readonly why: string;
}

/** No Weft answers there. */
export class NotRunning extends Failure {}

/** Calls the main process; Failure with its words when it refuses, or when it does not run. */
export async function control<T>(folder: StateFolder, method: string, path: string, body?: unknown): Promise<T> {
  const { status, text } = await send(folder, method, path, body);
  const answer = (text === '' ? {} : JSON.parse(text)) as T & { error?: string };
  if (status >= 400) throw new Failure(answer.error ?? `the main process answered ${status}`);
  return answer;
}

function send(folder: StateFolder, method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const call = request({ socketPath: folder.controlSocket, method, path, headers }, reply => {
      let text = '';
      reply.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 500, text }));
    });
    call.on('error', error => reject(unreachable(folder, error)));
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function unreachable(folder: StateFolder, error: NodeJS.ErrnoException): Failure {
  const away = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
  if (error.code === 'EACCES') return new Failure(`Weft on ${folder.path} was started by another user`);
  if (!away) return new Failure(`the main process of ${folder.path} ended the conversation: ${error.message}`);
  return new NotRunning(
    `Weft is not running on ${folder.path}; start it with "weft up --state-dir ${folder.path}", or name another --state-dir`,
  );
}
