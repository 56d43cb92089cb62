// A failed method on the wire: JSON text inside the reply, with the Python class name that agents decide by.
import { RemoteError, RpcFailure } from '../../contracts/bus.ts';
import { redactText } from '../log/redact.ts';

/** The `failure` of a reply. What is not an RpcFailure is our own mistake: class name and stack go along, credentials do not. */
export function packFailure(error: unknown): string {
  const known = error instanceof RpcFailure;
  const name = known ? error.excType : error instanceof Error ? error.name : 'Error';
  const message = redactText(error instanceof Error ? error.message : String(error));
  const tb = known || !(error instanceof Error) ? [] : stackLines(error);
  return JSON.stringify({ class: name, module: known ? error.module : 'weft', message, tb, args: [message], kwargs: {} });
}

function stackLines(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').filter(line => line.trimStart().startsWith('at '));
  return lines.slice(0, 20).map(line => `${line}\n`);
}

/** Whatever a peer sends becomes an error that can be thrown; unreadable text is kept as the message. */
export function unpackFailure(failure: string): RemoteError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(failure);
  } catch {
    return new RemoteError('RemoteError', failure);
  }
  if (typeof parsed !== 'object' || parsed === null) return new RemoteError('RemoteError', failure);
  const fields = parsed as Record<string, unknown>;
  const tb = Array.isArray(fields['tb']) ? fields['tb'].filter(line => typeof line === 'string') : [];
  const name = typeof fields['class'] === 'string' ? fields['class'] : 'RemoteError';
  return new RemoteError(name, typeof fields['message'] === 'string' ? fields['message'] : failure, tb);
}
