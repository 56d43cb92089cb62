// Who callers are, as `auth_strategy` says: those of the identity, or everybody.
import { noauthIdentity } from '../adapters/identity-noauth/noauth-identity.ts';
import type { Log } from '../contracts/log.ts';
import type { ServerConfig } from '../server/context.ts';
import type { ServerIdentity } from './service/http.ts';

export function byStrategy({ authStrategy }: ServerConfig, identity: ServerIdentity, log: Log): ServerIdentity {
  if (authStrategy !== 'noauth') return identity;
  log.warning('auth_strategy = noauth: whoever reaches the API is an administrator');
  return noauthIdentity(identity);
}
