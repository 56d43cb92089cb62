// The price of Keystone: many tokens that no cache knows, the same again, one that many use at once, and one that was revoked.
import { setTimeout as sleep } from 'node:timers/promises';
import { Api, logIn, type Target } from './client.ts';
import { Connection } from './connection.ts';
import { CountingProxy } from './counting-proxy.ts';
import { closedLoop, type Result, type Timing } from './measure.ts';
import type { Peer } from './peer.ts';
import { type Server, startWeft, type WeftShape } from './servers.ts';

export interface TokenPrice {
  readonly tokens: number;
  /** Each token for the first time, and then all of them once more. */
  readonly cold: Result;
  readonly known: Result;
  /** The same of the real server, first times alone, with fewer. */
  readonly peer: Result;
  readonly peerTokens: number;
  /** Questions about tokens that Keystone got meanwhile. */
  readonly asked: { readonly cold: number; readonly known: number; readonly together: number };
  /** So many used one new token at once. */
  readonly together: number;
  /** Processes that answer for the server. */
  readonly processes: number;
  /** How long a revoked token was taken, and how long an answer about one is believed. */
  readonly revokedMs: number;
  readonly cacheMs: number;
}

export interface TokenOptions {
  readonly tokens: number;
  readonly clients: number;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

const together = 50;
/** Processes of the server, each of which asks for itself what it does not know. */
const processes = 2;
/** For the part in which a token is revoked. */
const cacheSeconds = 3;
/** Keystone's answer, and ours, beyond that. */
const graceMs = 1000;
const longestMs = 600_000;
const peerShare = 4;
const question = '/v2.0/networks?fields=id&limit=1';
const asksAboutToken = 'GET /v3/auth/tokens';

export async function priceOfTokens(shape: WeftShape, peer: Peer, options: TokenOptions): Promise<TokenPrice> {
  await using proxy = await CountingProxy.open(peer.account.auth);
  const { tokens, clients, progress, signal } = options;
  const peerTokens = Math.ceil(tokens / peerShare);
  progress(`keystone: ${tokens + peerTokens + 2} tokens are issued`);
  const issued = await issue(peer, tokens + peerTokens + 2, options);
  const [shared = '', revoked = '', ...rest] = issued;
  const timing: Timing = { warmUpMs: 0, measuredMs: longestMs, clients, signal };
  const counted = async <T>(work: () => Promise<T>): Promise<{ readonly done: T; readonly asked: number }> => {
    const before = proxy.count(asksAboutToken);
    const done = await work();
    return { done, asked: proxy.count(asksAboutToken) - before };
  };
  const part = await behind(proxy, shape, 60, signal, async server => {
    const own = rest.slice(peerTokens);
    progress(`keystone: ${own.length} tokens for the first time`);
    const cold = await counted(() => useAll(server, own, timing));
    const known = await counted(() => useAll(server, own, timing));
    const once = await counted(() => useTogether(server.target, shared));
    if (once.done !== together) throw new Error(`keystone: of ${together} who used one token at once ${once.done} were answered`);
    return { cold, known, once };
  });
  progress('keystone: a token is revoked');
  const revokedMs = await behind(proxy, shape, cacheSeconds, signal, server => revoke(server.target, peer, revoked, signal));
  progress(`peer: ${peerTokens} tokens for the first time`);
  return {
    tokens,
    cold: part.cold.done,
    known: part.known.done,
    peer: await useAll(peer, rest.slice(0, peerTokens), timing),
    peerTokens,
    asked: { cold: part.cold.asked, known: part.known.asked, together: part.once.asked },
    together,
    processes,
    revokedMs,
    cacheMs: cacheSeconds * 1000,
  };
}

/** What did not go as promised, in words. */
export function brokenPromises({ asked, tokens, processes: most, revokedMs, cacheMs, cold, known, peer }: TokenPrice): string[] {
  const errors = cold.errors + known.errors + peer.errors;
  return [
    ...(errors > 0 ? [`Keystone: ${errors} errors`] : []),
    ...(asked.cold > tokens ? [`Keystone was asked ${asked.cold} times about ${tokens} tokens`] : []),
    ...(asked.known > 0 ? [`Keystone was asked ${asked.known} times about tokens that were known`] : []),
    ...(asked.together > most ? [`Keystone was asked ${asked.together} times about one token that many used at once`] : []),
    ...(revokedMs > cacheMs + graceMs ? [`a revoked token was taken for ${Math.round(revokedMs)} ms`] : []),
  ];
}

/** A server of that shape, with fresh caches, which asks Keystone through the proxy. */
async function behind<T>(
  proxy: CountingProxy,
  shape: WeftShape,
  seconds: number,
  signal: AbortSignal,
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const keystone = shape.config.replace(/^auth_url *=.*$/m, `auth_url = ${proxy.url}\ntoken_cache_time = ${seconds}`);
  const config = `${keystone}[DEFAULT]\napi_workers = ${processes}\n`;
  await using server = await startWeft({ ...shape, name: 'weft before Keystone', config }, signal);
  return await work(server);
}

/** By a token, not by the password, whose check is made slow on purpose. */
async function issue({ account }: Peer, count: number, { clients, signal }: TokenOptions): Promise<string[]> {
  const first = await logIn(account.auth, account);
  const out: string[] = [];
  const one = async (): Promise<void> => {
    for (let left = true; left; left = out.length < count) {
      signal.throwIfAborted();
      out.push(await logIn(account.auth, { ...account, token: first }));
    }
  };
  await Promise.all(Array.from({ length: clients }, one));
  return out.slice(0, count);
}

async function useAll(server: Server, tokens: readonly string[], timing: Timing): Promise<Result> {
  const connections = Array.from({ length: timing.clients }, () => new Connection(server.target.url, ''));
  const use = async (i: number, client: number) => {
    const token = tokens[i];
    if (token === undefined) return undefined;
    const { ms, status } = await connections[client]!.ask('GET', question, undefined, token);
    return { ms, ok: status === 200 };
  };
  try {
    return await closedLoop(server, use, { next: 0 }, timing);
  } finally {
    for (const connection of connections) connection[Symbol.dispose]();
  }
}

/** How many were answered. */
async function useTogether(target: Target, token: string): Promise<number> {
  using api = new Api({ ...target, token }, together);
  const all = await Promise.all(Array.from({ length: together }, (_, client) => api.ask(client, 'GET', 'networks?fields=id&limit=1')));
  return all.filter(({ status }) => status === 200).length;
}

/** How long it was still taken, in ms. */
async function revoke(target: Target, { account, target: { token: admin } }: Peer, token: string, signal: AbortSignal): Promise<number> {
  using connection = new Connection(target.url, token);
  const before = await connection.ask('GET', question);
  if (before.status !== 200) throw new Error(`a token that is good was answered by ${before.status}`);
  const headers = { 'x-auth-token': admin, 'x-subject-token': token };
  const gone = await fetch(`${account.auth}/auth/tokens`, { method: 'DELETE', headers, signal });
  if (gone.status !== 204) throw new Error(`Keystone revoked no token: ${gone.status}`);
  const since = performance.now();
  for (;;) {
    const { status } = await connection.ask('GET', question);
    const ms = performance.now() - since;
    if (status === 401 || ms > cacheSeconds * 1000 * 5) return ms;
    await sleep(20, undefined, { signal });
  }
}
