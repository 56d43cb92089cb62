// What the main process of a server and its workers say to each other, over the channel between parent and child.
import type { LogLevel } from '../../contracts/log.ts';
import type { Sample } from '../../contracts/metrics.ts';
import type { ServerConfig } from '../../server/context.ts';
import type { KeystoneAccount } from '../keystone.ts';

export const roles = ['api', 'rpc', 'reports'] as const;
export type Role = (typeof roles)[number];

/** What may change while it runs. */
export interface Changeable {
  readonly logLevel: LogLevel;
}

export interface WorkerSettings {
  readonly role: Role;
  /** `api-1`; of the living no two have the same, and whoever comes after a dead one has its. */
  readonly name: string;
  readonly stateDir: string;
  readonly busSocket: string;
  readonly logs: string;
  readonly config: ServerConfig;
  readonly changeable: Changeable;
  /** Undefined: the built-in identity of the state directory. */
  readonly keystone: KeystoneAccount | undefined;
  /** Where clients find the API. */
  readonly url: string;
  /** Whether the broker can be reached, as far as others know. */
  readonly busUp: boolean | undefined;
  /** Whose leases are this worker's. */
  readonly holder: string;
}

/** The file that the listening socket is to an API worker: 0 to 2 are the usual ones, 3 is the channel. */
export const socketFd = 4;

export interface Questions {
  /** Whether what the database says is wanted, too. */
  readonly metrics: { readonly ask: boolean; readonly answer: readonly Sample[] };
  readonly reload: { readonly ask: Changeable; readonly answer: readonly string[] };
}

export type ToWorker =
  | { readonly say: 'start'; readonly settings: WorkerSettings }
  /** Others are gone or going, too. */
  | { readonly say: 'stop' }
  /** Another process has written to the outbox. */
  | { readonly say: 'outbox' }
  | { readonly say: 'bus'; readonly up: boolean }
  | { readonly [Q in keyof Questions]: { readonly say: Q; readonly id: number; readonly ask: Questions[Q]['ask'] } }[keyof Questions];

export type FromWorker =
  | { readonly say: 'ready' }
  | { readonly say: 'failed'; readonly why: string }
  /** It has taken its last connection, and another may take its place. */
  | { readonly say: 'leaving' }
  | { readonly say: 'outbox' }
  /** Its connection to the broker has come or gone. */
  | { readonly say: 'bus'; readonly up: boolean }
  | { readonly say: 'answer'; readonly id: number; readonly answer: unknown };
