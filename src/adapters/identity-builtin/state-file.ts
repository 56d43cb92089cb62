// The identity file on disk: made once with random passwords, read at start, and read again when somebody has edited it.
import { randomBytes } from 'node:crypto';
import { link, open, readFile, stat, unlink } from 'node:fs/promises';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { Directory } from './directory.ts';
import { hashPassword } from './password.ts';
import { type Assignment, type IdentityState, type Project, parseState, type Role, stateVersion, type User } from './state.ts';

/** User name → password; the file itself holds none. */
export type Passwords = Readonly<Record<'admin' | 'weft' | 'other', string>>;

/** Makes the file (0600) whole or not at all. Rejects with EEXIST when there is one: its users stay. */
export async function createIdentityFile(path: string, passwords = newPasswords()): Promise<Passwords> {
  const text = `${JSON.stringify({ weft_identity: stateVersion, ...(await firstState(passwords)) }, null, 2)}\n`;
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    // Unlike a rename, a link does not replace what is there.
    await link(draft, path);
  } finally {
    await unlink(draft);
  }
  return passwords;
}

async function firstState(passwords: Passwords): Promise<IdentityState> {
  const [admin, member, reader] = ['admin', 'member', 'reader'].map(name => ({ id: newId(), name })) as [Role, Role, Role];
  const project = (name: string, description: string): Project => ({ id: newId(), name, domain_id: 'default', enabled: true, description });
  const projects = {
    admin: project('admin', 'For the administrator'),
    weft: project('weft', 'A first project'),
    other: project('other', 'A second project'),
  };
  const user = async (name: keyof Passwords): Promise<User> => ({
    id: newId(),
    name,
    domain_id: 'default',
    enabled: true,
    default_project_id: projects[name].id,
    password_hash: await hashPassword(passwords[name]),
  });
  const users = { admin: await user('admin'), weft: await user('weft'), other: await user('other') };
  const grant = (name: keyof Passwords, role: Role): Assignment => ({
    user_id: users[name].id,
    role_id: role.id,
    project_id: projects[name].id,
  });
  return {
    key: randomBytes(32).toString('base64'),
    region: 'RegionOne',
    domains: [{ id: 'default', name: 'Default', enabled: true, description: 'The default domain' }],
    projects: Object.values(projects),
    users: Object.values(users),
    roles: [admin, member, reader],
    implied_roles: { admin: ['member'], member: ['reader'] },
    assignments: [
      grant('admin', admin),
      { user_id: users.admin.id, role_id: admin.id, system: 'all' },
      { user_id: users.admin.id, role_id: admin.id, domain_id: 'default' },
      ...(['weft', 'other'] as const).flatMap(name => [grant(name, member), grant(name, reader)]),
    ],
  };
}

const newId = (): string => randomBytes(16).toString('hex');
/** Never begins with a dash, which a command line would take for an option. */
const newPassword = (): string => randomBytes(16).toString('hex');
export const newPasswords = (): Passwords => ({ admin: newPassword(), weft: newPassword(), other: newPassword() });

/** How often a look at the file's time stamp is taken, at most. */
const lookEveryMs = 1000;

/** The directory as the file says it now. An edit that cannot be used is logged, and the last good state stays in force. */
export class StateFile {
  private readonly path: string;
  private readonly clock: Clock;
  private readonly log: Log;
  private directory: Directory;
  private seen: string;
  private lookedAt: number;

  private constructor(options: { path: string; clock: Clock; log: Log }, directory: Directory, seen: string) {
    this.path = options.path;
    this.clock = options.clock;
    this.log = options.log;
    this.directory = directory;
    this.seen = seen;
    this.lookedAt = options.clock.now();
  }

  /** Rejects with StateRefused, or when the file cannot be read. */
  static async open(options: { path: string; clock: Clock; log: Log }): Promise<StateFile> {
    const seen = await stamp(options.path);
    return new StateFile(options, new Directory(parseState(await readFile(options.path, 'utf8'))), seen);
  }

  async current(): Promise<Directory> {
    const now = this.clock.now();
    if (Math.abs(now - this.lookedAt) >= lookEveryMs) {
      this.lookedAt = now;
      await this.look();
    }
    return this.directory;
  }

  private async look(): Promise<void> {
    try {
      const found = await stamp(this.path);
      if (found === this.seen) return;
      this.seen = found;
      this.directory = new Directory(parseState(await readFile(this.path, 'utf8')));
      this.log.info('identity file read again', { path: this.path });
    } catch (error) {
      this.log.error('identity file not read again: the last good one stays in force', { path: this.path, why: String(error) });
    }
  }
}

async function stamp(path: string): Promise<string> {
  const { mtimeNs, size, ino } = await stat(path, { bigint: true });
  return `${mtimeNs} ${size} ${ino}`;
}
