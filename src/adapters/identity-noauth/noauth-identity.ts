// `auth_strategy = noauth`: nobody is asked who he is, and everybody is an administrator, of the project that Neutron calls so.
import type { Caller, Identity, IdentityApi } from '../../contracts/identity.ts';

const everybody: Caller = {
  ...{ user_id: '', user_name: '', user_domain_id: '', user_domain_name: '' },
  ...{ project_id: 'fake_project_id', project_name: 'fake_project_id', project_domain_id: '', project_domain_name: '' },
  ...{ domain_id: null, system_scope: null, roles: ['admin', 'member', 'reader'], expires_at: '9999-12-31T23:59:59Z', audit_id: '' },
};

type MaybeServed = Identity & Partial<Pick<IdentityApi, 'handle'>>;

/** An identity with an API of its own goes on serving that. */
export function noauthIdentity(identity: MaybeServed): MaybeServed {
  return {
    get authUri() {
      return identity.authUri;
    },
    everybody,
    validate: async () => everybody,
    ...(identity.handle ? { handle: identity.handle.bind(identity) } : {}),
  };
}
