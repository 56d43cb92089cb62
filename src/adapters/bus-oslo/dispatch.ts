// Which handler answers a request: namespace, version and method, in oslo.messaging's order and with its two refusals.
import { type Endpoint, RpcFailure, type RpcHandler } from '../../contracts/bus.ts';

const dispatcher = 'oslo_messaging.rpc.dispatcher';

/** Throws RpcFailure NoSuchMethod when an endpoint would do but none has the method, UnsupportedVersion when none would do. */
export function findHandler(
  endpoints: readonly Endpoint[],
  request: { readonly method: string; readonly version: string; readonly namespace: string | null },
): RpcHandler {
  const { method, version, namespace } = request;
  const compatible = endpoints.filter(e => (e.namespace ?? null) === namespace && versionServes(e.version, version));
  for (const { methods } of compatible) {
    const handler = method.startsWith('_') || !Object.hasOwn(methods, method) ? undefined : methods[method];
    if (typeof handler === 'function') return handler;
  }
  if (compatible.length > 0) throw new RpcFailure('NoSuchMethod', `Endpoint does not support RPC method ${method}`, dispatcher);
  const message = `Endpoint does not support RPC version ${version}. Attempted method: ${method}`;
  throw new RpcFailure('UnsupportedVersion', message, dispatcher);
}

/** Same major, and a minor that is not above the one served. What is not major.minor is never served. */
export function versionServes(served: string, asked: string): boolean {
  const ours = parts(served);
  const theirs = parts(asked);
  return ours !== undefined && theirs !== undefined && ours[0] === theirs[0] && theirs[1] <= ours[1];
}

function parts(version: string): readonly [number, number] | undefined {
  const match = /^(\d{1,9})\.(\d{1,9})$/.exec(version);
  return match ? [Number(match[1]), Number(match[2])] : undefined;
}
