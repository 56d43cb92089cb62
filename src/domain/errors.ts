// The error catalog: type, HTTP status and text of everything that a caller of the API may be told.
import { addressesErrors } from './errors/addresses.ts';
import { coreErrors } from './errors/core.ts';
import { httpErrors } from './errors/http.ts';
import { l3ServicesErrors } from './errors/l3-services.ts';
import { qosErrors } from './errors/qos.ts';
import { routingErrors } from './errors/routing.ts';
import type { ErrorRow } from './errors/row.ts';
import { securityErrors } from './errors/security.ts';
import { servicesErrors } from './errors/services.ts';
import { trunkErrors } from './errors/trunks.ts';

export const catalog = {
  ...httpErrors,
  ...coreErrors,
  ...addressesErrors,
  ...securityErrors,
  ...routingErrors,
  ...l3ServicesErrors,
  ...servicesErrors,
  ...trunkErrors,
  ...qosErrors,
} as const satisfies Readonly<Record<string, ErrorRow>>;

export type ErrorName = keyof typeof catalog;
/** Parameters of a row; `undefined` for a row whose text needs none. */
export type ErrorParams<N extends ErrorName> = Parameters<(typeof catalog)[N]['text']> extends [infer P] ? P : undefined;

/** A refusal that the caller is told of: type, status and text come from one row of the catalog. */
export class ApiError<N extends ErrorName = ErrorName> extends Error {
  readonly type: N;
  readonly status: number;
  readonly params: ErrorParams<N>;
  readonly detail: string;

  constructor(type: N, params: ErrorParams<N>, options?: { readonly cause?: unknown; readonly detail?: string }) {
    const row: ErrorRow = catalog[type];
    super(row.text(params), options && 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'ApiError';
    this.type = type;
    this.status = row.status;
    this.params = params;
    this.detail = options?.detail ?? '';
  }
}

type Rest<N extends ErrorName> = ErrorParams<N> extends undefined ? [] : [params: ErrorParams<N>];

/** `throw apiError('NetworkNotFound', { net_id })`; rows without parameters take none. */
export function apiError<N extends ErrorName>(type: N, ...rest: Rest<N>): ApiError<N> {
  return new ApiError(type, rest[0] as ErrorParams<N>);
}

/** `Bad <resource> request: <msg>.` */
export function badRequest(resource: string, msg: string): ApiError<'BadRequest'> {
  return apiError('BadRequest', { resource, msg });
}

/** `Invalid input for operation: <text>.` */
export function invalidInput(error_message: string): ApiError<'InvalidInput'> {
  return apiError('InvalidInput', { error_message });
}

export function isApiError<N extends ErrorName>(error: unknown, type?: N): error is ApiError<N> {
  return error instanceof ApiError && (type === undefined || error.type === type);
}

export interface ErrorBody {
  readonly NeutronError: { readonly type: string; readonly message: string; readonly detail: string };
}

/** The body that a client sees. */
export function body(error: ApiError): ErrorBody {
  return { NeutronError: { type: error.type, message: error.message, detail: error.detail } };
}
