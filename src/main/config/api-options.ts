// Options of the API server's HTTP side: [DEFAULT], [oslo_middleware], [cors], [oslo_policy], [quotas].
import { resources } from '../../model/registry.ts';
import { multiOption, option, section } from './option.ts';
import { type ServerProcess, sets, within } from './server-process.ts';
import { bool, int, list, pageLimit, path, urlOrNone } from './values.ts';

/** Debian's files name one that is not there. */
const policyFile = (config: ServerProcess, file: string): ServerProcess =>
  within('policy', 'fileMayBeMissing')(within('policy', 'file')(config, file), true);

const policyDirs = multiOption(
  'policy_dirs',
  path,
  'a folder of policy files; may be repeated; without one `policy.d` in the state directory',
  within('policy', 'dirs'),
);

const quotas = resources.flatMap(({ name, quota }) => {
  if (quota === undefined) return [];
  const effect = (config: ServerProcess, limit: number): ServerProcess =>
    limit === quota ? config : { ...config, server: { ...config.server, quotas: { ...config.server.quotas, [name]: limit } } };
  return [option(`quota_${name}`, int(-1), 'how many a project may have; -1: any number', effect, { default: String(quota) })];
});

export const apiOptions = [
  ...section('DEFAULT', [
    option('pagination_max_limit', pageLimit, 'the longest page of a list; `infinite` or -1: any', sets('paginationMaxLimit'), {
      default: '-1',
    }),
    option(
      'network_link_prefix',
      urlOrNone,
      'what links in answers begin with, in place of the address of the request',
      within('proxy', 'linkPrefix'),
      { default: '' },
    ),
    option(
      'client_socket_timeout',
      int(1, 3600),
      'seconds after which a connection that says nothing is closed',
      sets('clientSocketTimeout'),
      {
        default: '30',
      },
    ),
  ]),
  ...section('oslo_middleware', [
    option('max_request_body_size', int(1024), 'bytes that the body of a request may have', sets('maxRequestBody'), {
      default: String(16 * 1024 * 1024),
      deprecated: [{ group: 'DEFAULT', name: 'osapi_max_request_body_size' }, { group: 'DEFAULT' }],
    }),
    option(
      'enable_proxy_headers_parsing',
      bool,
      'links in answers follow `Forwarded` and `X-Forwarded-…`; only behind a proxy that replaces them',
      within('proxy', 'enabled'),
      { default: 'false' },
    ),
  ]),
  ...section('cors', [
    option('allowed_origin', list, 'origins of pages that may use the API; `*`: any', within('cors', 'allowedOrigin'), { default: '' }),
    option('allow_credentials', bool, 'whether such pages may send credentials', within('cors', 'allowCredentials'), { default: 'true' }),
    option('expose_headers', list, 'headers of answers that such pages see', within('cors', 'exposeHeaders'), {
      default: 'X-Auth-Token,X-Subject-Token,X-Service-Token,X-OpenStack-Request-ID,OpenStack-Volume-microversion',
    }),
    option('max_age', int(0), 'seconds for which a browser remembers what is allowed', within('cors', 'maxAge'), { default: '3600' }),
    option('allow_methods', list, 'methods that such pages may use', within('cors', 'allowMethods'), {
      default: 'GET,PUT,POST,DELETE,PATCH',
    }),
    option('allow_headers', list, 'headers that such pages may send', within('cors', 'allowHeaders'), {
      default: 'X-Auth-Token,X-Identity-Status,X-Roles,X-Service-Catalog,X-User-Id,X-Tenant-Id,X-OpenStack-Request-ID',
    }),
  ]),
  ...section('oslo_policy', [
    option('policy_file', path, 'rules in place of the default ones; without it `policy.yaml` in the state directory', policyFile, {
      deprecated: [{ group: 'DEFAULT' }],
    }),
    policyDirs,
    option(
      'enforce_new_defaults',
      bool,
      'whether deprecated rules count no more beside those that replaced them',
      within('policy', 'enforceNewDefaults'),
      { default: 'true' },
    ),
    option('enforce_scope', bool, 'whether a token of another scope than a rule has is refused', within('policy', 'enforceScope'), {
      default: 'true',
    }),
  ]),
  ...section('quotas', quotas),
];
