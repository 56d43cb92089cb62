// What the suites need in a Keystone, made over its API: users, projects, roles, and the endpoint of Weft in the catalog.

export interface Account {
  readonly username: string;
  readonly password: string;
  readonly project: string;
}

export interface Admin {
  readonly url: string;
  readonly account: Account;
  /** Rejects for every status from 400 on. */
  call<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  /** The token of another. */
  logIn(account: Account): Promise<string>;
  readonly token: string;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

export async function connectAdmin(url: string, account: Account): Promise<Admin> {
  const logIn = async ({ username, password, project }: Account): Promise<string> => {
    const domain = { name: 'Default' };
    const identity = { methods: ['password'], password: { user: { name: username, password, domain } } };
    const reply = await post(`${url}/auth/tokens`, { auth: { identity, scope: { project: { name: project, domain } } } });
    const token = reply.headers.get('x-subject-token');
    if (token === null) throw new Error(`${url} gives ${username} no token: ${reply.status} ${await reply.text()}`);
    return token;
  };
  const token = await logIn(account);
  return {
    url,
    account,
    token,
    logIn,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
      const reply = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await reply.text();
      if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text.slice(0, 300)}`);
      return (text === '' ? {} : JSON.parse(text)) as T;
    },
  };
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** The id of the one of that name, which is made where there is none. */
export async function ensure(
  admin: Admin,
  kind: 'project' | 'user' | 'role',
  name: string,
  rest: Record<string, unknown> = {},
): Promise<string> {
  const domain = kind === 'role' ? {} : { domain_id: 'default' };
  const found = await admin.call<Record<string, Named[]>>('GET', `/${kind}s?name=${encodeURIComponent(name)}`);
  const there = found[`${kind}s`]?.[0];
  if (there) return there.id;
  const made = await admin.call<Record<string, Named>>('POST', `/${kind}s`, { [kind]: { name, ...domain, ...rest } });
  return made[kind]?.id ?? '';
}

/** A user with roles in a project, both made where they are not there. */
export async function ensureAccount(admin: Admin, account: Account, roles: readonly string[]): Promise<{ project: string; user: string }> {
  const project = await ensure(admin, 'project', account.project);
  const user = await ensure(admin, 'user', account.username, { password: account.password });
  for (const role of roles) await admin.call('PUT', `/projects/${project}/users/${user}/roles/${await ensure(admin, 'role', role)}`);
  return { project, user };
}

/** A region whose network endpoint is `network`, with the identity beside it. */
export async function publish(admin: Admin, region: string, network: string): Promise<void> {
  await admin.call('PUT', `/regions/${region}`, { region: {} }).catch(() => admin.call('GET', `/regions/${region}`));
  const { services } = await admin.call<{ services: (Named & { type: string })[] }>('GET', '/services');
  for (const [type, url] of [
    ['network', network],
    ['identity', admin.url],
  ] as const) {
    const service =
      services.find(one => one.type === type)?.id ??
      (await admin.call<{ service: Named }>('POST', '/services', { service: { type, name: type } })).service.id;
    const { endpoints } = await admin.call<{ endpoints: { id: string; interface: string; region_id: string; url: string }[] }>(
      'GET',
      `/endpoints?service_id=${service}`,
    );
    for (const kind of ['public', 'internal', 'admin']) {
      const there = endpoints.find(one => one.interface === kind && one.region_id === region);
      if (there) await admin.call('PATCH', `/endpoints/${there.id}`, { endpoint: { url } });
      else await admin.call('POST', '/endpoints', { endpoint: { service_id: service, interface: kind, region_id: region, url } });
    }
  }
}
