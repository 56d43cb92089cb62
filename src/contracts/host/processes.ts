// The door to daemons on a host: started once, found again by pid file after a restart of the agent, supervised.
import type { Netns } from './netns.ts';

export interface DaemonSpec {
  /** Unique on the host, and its log name: `dnsmasq-<network>`. */
  readonly name: string;
  readonly netns: Netns;
  readonly argv: readonly string[];
  /** Absolute path. The daemon writes it itself (`selfPid`) or the door does. */
  readonly pidFile: string;
  readonly selfPid: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Processes {
  /**
   * Starts the daemon detached (it outlives the agent, not the host), or adopts the one that runs with the same argv in the namespace;
   * the one of the pid file with the same program and another argv is stopped first. Its output goes to `<name>.log` beside the pid file;
   * answers its pid once it stands, throws HostRefusal with its last words when it ends at once.
   */
  ensure(spec: DaemonSpec): Promise<number>;
  /** The pid when the process of the pid file is alive and its command line holds `mark`; else undefined. */
  alive(pidFile: string, mark: string): Promise<number | undefined>;
  /** Sends a signal to the process of the pid file when it is ours. False when it is not there. */
  signal(pidFile: string, mark: string, signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): Promise<boolean>;
  /** SIGTERM, then SIGKILL after 2 s; removes the pid file. Idempotent. */
  stop(pidFile: string, mark: string): Promise<void>;
  /**
   * Runs a command to its end in the namespace; never through a shell. Rejects only when it cannot be started.
   * Default timeout 60 s, and then killed: code 124; ended by a signal: 128 + its number.
   */
  run(ns: Netns, argv: readonly string[], options?: { readonly input?: string; readonly timeoutMs?: number }): Promise<RunResult>;
}
