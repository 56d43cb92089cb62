// Debian's Keystone for one run: on a free port, with all that it keeps in a folder of ours.
import { mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import { runToEnd, startDaemon } from './daemon.ts';
import { type Admin, connectAdmin } from './identity-admin.ts';

export interface RunningKeystone extends AsyncDisposable {
  /** With the version. */
  readonly url: string;
  readonly admin: Admin;
}

/** `password` is that of its administrator `admin`. */
export async function startKeystone(folder: string, password: string): Promise<RunningKeystone> {
  const home = join(folder, 'keystone');
  const config = join(home, 'keystone.conf');
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const url = `${origin}/v3`;
  for (const keys of ['fernet', 'credential']) mkdirSync(join(home, keys), { recursive: true, mode: 0o700 });
  writeFileSync(config, configuration(home, origin), { mode: 0o600 });
  const { username } = userInfo();
  const manage = (...words: string[]): void => runToEnd(['keystone-manage', '--config-file', config, ...words], { cwd: home });
  manage('db_sync');
  for (const keys of ['fernet', 'credential']) manage(`${keys}_setup`, '--keystone-user', username, '--keystone-group', username);
  const urls = ['admin', 'internal', 'public'].flatMap(kind => [`--bootstrap-${kind}-url`, url]);
  manage('bootstrap', '--bootstrap-password', password, '--bootstrap-region-id', 'RegionOne', ...urls);
  const daemon = await startDaemon({
    argv: [
      ...['uwsgi_python3', '--http-socket', `127.0.0.1:${port}`, '--wsgi-file', '/usr/bin/keystone-wsgi-public', '--need-app'],
      ...['--master', '--die-on-term', '--lazy-apps', '--enable-threads', '--processes', '1'],
      ...['--buffer-size', '65535', '--add-header', 'Connection: close', '--disable-logging'],
    ],
    env: { OS_KEYSTONE_CONFIG_FILES: config },
    cwd: home,
    log: join(home, 'uwsgi.log'),
    ready: async () => (await fetch(url)).ok,
    withinMs: 300_000,
  });
  const admin = await connectAdmin(url, { username: 'admin', password, project: 'admin' });
  return { url, admin, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/**
 * One thread serves one request after another, since a database in a file has one writer; that is enough for two suites. Hashing is as
 * cheap as it can be: hundreds of users are made.
 */
function configuration(home: string, origin: string): string {
  return `[DEFAULT]
log_dir = ${home}
log_file = keystone.log
public_endpoint = ${origin}
[database]
connection = sqlite:///${join(home, 'keystone.db')}?timeout=60
sqlite_synchronous = false
[identity]
password_hash_rounds = 4
[fernet_tokens]
key_repository = ${join(home, 'fernet')}
[credential]
key_repository = ${join(home, 'credential')}
[token]
provider = fernet
expiration = 43200
[cache]
enabled = true
backend = dogpile.cache.memory
`;
}
