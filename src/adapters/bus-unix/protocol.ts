// What the hub and its clients say to each other, and the check of what a client says.
import type { Route } from '../bus-oslo/transport.ts';
import { FrameError } from './frames.ts';

export const protocolVersion = 1;
/** Deliveries that a client may hold without having begun them, per subscription. */
export const windowSize = 64;

/** `id` numbers the requests of one connection; each is answered by `done` or `refused`. A subscription is named by its request. */
export type ClientSays =
  | { readonly op: 'hello'; readonly version: number; readonly name: string }
  | { readonly op: 'listen'; readonly id: number; readonly topic: string; readonly server: string }
  | { readonly op: 'replies'; readonly id: number; readonly queue: string }
  | { readonly op: 'leave'; readonly id: number; readonly subscription: number }
  /** With the message as body. */
  | { readonly op: 'publish'; readonly id: number; readonly route: Route; readonly expires_at: number | undefined }
  /** So many of the oldest deliveries have been begun. */
  | { readonly op: 'took'; readonly subscription: number; readonly count: number };

export type HubSays =
  | { readonly op: 'welcome'; readonly version: number }
  | { readonly op: 'done'; readonly id: number }
  | { readonly op: 'refused'; readonly id: number; readonly why: string }
  /** With the message as body. */
  | { readonly op: 'deliver'; readonly subscription: number; readonly expires_at?: number };

type Fields = Readonly<Record<string, unknown>>;

/** Throws FrameError when it is nothing that a client says. */
export function clientSays(header: Fields): ClientSays {
  const op = header['op'];
  switch (op) {
    case 'hello':
      return { op, version: whole(header, 'version'), name: text(header, 'name') };
    case 'listen':
      return { op, id: whole(header, 'id'), topic: text(header, 'topic'), server: text(header, 'server') };
    case 'replies':
      return { op, id: whole(header, 'id'), queue: text(header, 'queue') };
    case 'leave':
      return { op, id: whole(header, 'id'), subscription: whole(header, 'subscription') };
    case 'publish':
      return {
        op,
        id: whole(header, 'id'),
        route: routeIn(header),
        expires_at: header['expires_at'] === undefined ? undefined : whole(header, 'expires_at'),
      };
    case 'took':
      return { op, subscription: whole(header, 'subscription'), count: whole(header, 'count') };
    default:
      throw new FrameError(`unknown operation ${JSON.stringify(op)?.slice(0, 60)}`);
  }
}

function routeIn(header: Fields): Route {
  const route = header['route'];
  if (typeof route !== 'object' || route === null) throw new FrameError('route is missing');
  const fields = route as Fields;
  const to = fields['to'];
  switch (to) {
    case 'topic':
    case 'fanout':
      return { to, topic: text(fields, 'topic') };
    case 'server':
      return { to, topic: text(fields, 'topic'), server: text(fields, 'server') };
    case 'reply':
      return { to, queue: text(fields, 'queue') };
    default:
      throw new FrameError(`unknown route ${JSON.stringify(to)?.slice(0, 60)}`);
  }
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string' || value.length === 0 || value.length > 255)
    throw new FrameError(`${key} is not a text of 1 to 255 characters`);
  return value;
}

function whole(fields: Fields, key: string): number {
  const value = fields[key];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new FrameError(`${key} is not a whole number`);
  return value as number;
}
