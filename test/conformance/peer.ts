// A real server beside Weft: who the sequences speak of is made in its Keystone, answers are taken, and what a sequence has left is cleared away.
import { randomBytes } from 'node:crypto';
import { type Admin, connectAdmin } from './identity-admin.ts';
import type { RecordedRequest, Sequence } from './recorded.ts';
import { makePeople, type People, replay } from './replay.ts';

export interface Peer extends AsyncDisposable {
  /** The requests with this server's answers. */
  answer(seed: number, requests: readonly RecordedRequest[]): Promise<Sequence>;
}

export interface PeerAddress {
  /** Without the version. */
  readonly network: string;
  /** With the version. */
  readonly identity: string;
}

/** The administrator is that of the environment: OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME. */
export async function connectPeer({ network, identity }: PeerAddress, env: NodeJS.ProcessEnv): Promise<Peer> {
  const { OS_USERNAME: username, OS_PASSWORD: password, OS_PROJECT_NAME: project } = env;
  if (!username || !password || !project) throw new Error('the peer needs OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME in the environment');
  const admin = await connectAdmin(identity, { username, password, project });
  const people = await makePeople(admin, `pairs-${randomBytes(4).toString('hex')}`);
  const url = network.replace(/\/$/, '');
  return {
    async answer(seed, requests) {
      const made: string[] = [];
      try {
        const answers = await replay(requests, url, people, made);
        return { seed, steps: requests.map((request, i) => ({ request, answer: answers[i] as never })) };
      } finally {
        await clear({ url, token: admin.token, projects: Object.values(people.refs), made });
      }
    },
    [Symbol.asyncDispose]: () => dismiss(admin, people),
  };
}

interface Left {
  readonly url: string;
  readonly token: string;
  readonly projects: readonly string[];
  /** Paths of what the sequence has made. */
  readonly made: readonly string[];
}

/** In the order in which one holds the other; what is not named goes with what is. */
const holding = [
  ...['trunks', 'floatingips', 'routers', 'rbac-policies', 'ports', 'networks', 'subnetpools', 'address-scopes'],
  ...['security-groups', 'address-groups', 'qos/policies', 'metering/metering-labels'],
];
/** The next sequence begins without one, too. */
const defaultGroups = 'security-groups';
/** The collection of an object's path. */
const of = (path: string): string | undefined =>
  holding.find(name => path.startsWith(`/${name}/`) && !path.slice(name.length + 2).includes('/'));

async function clear(left: Left): Promise<void> {
  const { call } = asAdmin(left);
  let collections = holding.filter(name => name === defaultGroups || left.made.some(path => of(path) === name));
  const cleared = new Set<string>();
  // What holds another may itself be held by what comes later: a second look finds it free.
  for (let look = 0; look < 3 && collections.length > 0; look++) {
    const kept: string[] = [];
    for (const collection of collections) if (!(await clearCollection(collection, left, cleared))) kept.push(collection);
    collections = kept;
  }
  // What was made for a project that there is not.
  for (const path of left.made.filter(one => !cleared.has(one) && of(one) !== undefined).toReversed()) await call('DELETE', path);
  for (const project of left.projects) await call('DELETE', `/quotas/${project}`);
  if (collections.length > 0) throw new Error(`the peer keeps ${collections.join(', ')} of projects that are ours`);
}

/** Whether all of it went. */
async function clearCollection(collection: string, left: Left, cleared: Set<string>): Promise<boolean> {
  const { call, ids } = asAdmin(left);
  let all = true;
  for (const id of await ids(collection)) {
    const path = `/${collection}/${id}`;
    if (collection === 'routers') await emptyRouter(id, left);
    // One that is down lets nobody take it away.
    if (collection === 'trunks') await call('PUT', path, { trunk: { admin_state_up: true } });
    const { status } = await call('DELETE', path);
    if (status < 300 || status === 404) cleared.add(path);
    else all = false;
  }
  return all;
}

async function emptyRouter(id: string, left: Left): Promise<void> {
  const { call, list } = asAdmin(left);
  await call('PUT', `/routers/${id}`, { router: { routes: [], external_gateway_info: {} } });
  for (const port of await list(`/ports?device_id=${id}&fields=id`))
    await call('PUT', `/routers/${id}/remove_router_interface`, { port_id: port.id });
}

function asAdmin({ url, token, projects }: Left) {
  const headers = { 'x-auth-token': token, 'content-type': 'application/json' };
  const call = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}/v2.0${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const list = async (path: string): Promise<{ readonly id: string }[]> => {
    const reply = await call('GET', path);
    const body = reply.ok ? ((await reply.json()) as Record<string, { id: string }[]>) : {};
    return Object.values(body)[0] ?? [];
  };
  const owned = projects.map(project => `project_id=${project}`).join('&');
  const ids = async (collection: string): Promise<string[]> => (await list(`/${collection}?${owned}&fields=id`)).map(({ id }) => id);
  return { call, list, ids };
}

async function dismiss(admin: Admin, { users, refs }: People): Promise<void> {
  for (const path of [...users.map(id => `/users/${id}`), ...Object.values(refs).map(id => `/projects/${id}`)])
    await admin.call('DELETE', path);
}
