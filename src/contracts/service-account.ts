// With what account the server asks another service of the cloud, by the names of keystoneauth's options.

export interface ServiceAccount {
  /** Empty: the service is not asked. */
  readonly auth_url: string;
  readonly auth_type: 'password' | 'v3applicationcredential';
  readonly username: string;
  readonly user_id: string;
  readonly password: string;
  readonly user_domain_name: string;
  readonly user_domain_id: string;
  readonly project_name: string;
  readonly project_id: string;
  readonly project_domain_name: string;
  readonly project_domain_id: string;
  readonly default_domain_name: string;
  readonly default_domain_id: string;
  /** `all`, or none. */
  readonly system_scope: 'all' | '';
  readonly application_credential_id: string;
  readonly application_credential_name: string;
  readonly application_credential_secret: string;
  /** Of the service's endpoint in the catalog; empty: the first. */
  readonly region_name: string;
  readonly endpoint_type: 'public' | 'internal' | 'admin';
  /** Files: who is trusted, in place of whom Node.js trusts, and who we are. */
  readonly cafile: string;
  readonly certfile: string;
  readonly keyfile: string;
  readonly insecure: boolean;
  /** Seconds; 0: as long as is usual. */
  readonly timeout: number;
}

export const noAccount: ServiceAccount = {
  auth_url: '',
  auth_type: 'password',
  username: '',
  user_id: '',
  password: '',
  user_domain_name: '',
  user_domain_id: '',
  project_name: '',
  project_id: '',
  project_domain_name: '',
  project_domain_id: '',
  default_domain_name: '',
  default_domain_id: '',
  system_scope: '',
  application_credential_id: '',
  application_credential_name: '',
  application_credential_secret: '',
  region_name: '',
  endpoint_type: 'public',
  cafile: '',
  certfile: '',
  keyfile: '',
  insecure: false,
  timeout: 0,
};
