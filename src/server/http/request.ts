// A request as the handlers see it.
import type { RequestContext } from '../context.ts';

export interface ApiRequest {
  readonly method: string;
  /** Path segments behind `/v2.0`, percent-decoded, without a `.json` suffix. */
  readonly path: readonly string[];
  readonly query: readonly (readonly [string, string])[];
  /** Parsed JSON, or undefined where there was no body. */
  readonly body: unknown;
  readonly ifMatch: string | undefined;
  /** The Accept header; empty where there was none. */
  readonly accept: string;
  /** What links begin with, as the client sees it: `http://host:port` and perhaps a prefix. */
  readonly base: () => string;
  /** The path as it was asked for, without the query: for links. */
  readonly rawPath: string;
  readonly ctx: RequestContext;
}
