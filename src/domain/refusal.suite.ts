// What rules refuse, for their tests: any other error is the test's own.
import { type ApiError, isApiError } from './errors.ts';

/** Undefined: it is not refused. */
export function refusal(work: () => unknown): ApiError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (isApiError(error)) return error;
    throw error;
  }
}
