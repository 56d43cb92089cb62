// A client of the hub as a Bus: what an agent in another network namespace uses.
import { basename } from 'node:path';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { OsloBus } from '../bus-oslo/oslo-bus.ts';
import { defaultMaxFrameBytes } from './frames.ts';
import { UnixTransport } from './unix-transport.ts';

export interface UnixBusOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** How the client is called in the hub's log. */
  readonly name?: string;
  /** How long the first connection may take, default 60 s; later ones are tried for ever. */
  readonly connectMs?: number;
  readonly random?: () => number;
  readonly maxFrameBytes?: number;
  /** `rpc_response_timeout`, default 60 000. */
  readonly callTimeoutMs?: number;
  /** As of `OsloBusOptions`. */
  readonly stopGraceMs?: number;
}

/** Resolves when connected. Rejects with BusUnavailable when the hub did not answer within `connectMs`. */
export async function connectUnixBus(path: string, options: UnixBusOptions): Promise<OsloBus> {
  const { clock, log, name = `${basename(process.argv[1] ?? 'weft')} ${process.pid}`, connectMs = 60_000 } = options;
  const { random = Math.random, maxFrameBytes = defaultMaxFrameBytes } = options;
  const transport = new UnixTransport({ path, clock, log, random, name, maxFrameBytes, maxUnsentBytes: 64 * 1024 * 1024 });
  try {
    await transport.connected(connectMs);
  } catch (error) {
    await transport[Symbol.asyncDispose]();
    throw error;
  }
  return new OsloBus(transport, {
    clock,
    log,
    ...(options.callTimeoutMs === undefined ? {} : { callTimeoutMs: options.callTimeoutMs }),
    ...(options.stopGraceMs === undefined ? {} : { stopGraceMs: options.stopGraceMs }),
  });
}
