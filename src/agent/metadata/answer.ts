// An answer to a metadata request, before it goes over HTTP.

export interface MetadataRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly url: string;
  readonly body: Uint8Array;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

export const text = (body: string): Answer => ({ status: 200, type: 'text/plain; charset=utf-8', body });
export const json = (value: unknown): Answer => ({ status: 200, type: 'application/json', body: JSON.stringify(value) });
export const refusal = (status: number, why: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body: `${why}\n` });
export const notFound = refusal(404, 'Not Found');
