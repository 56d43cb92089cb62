// neutron-db-manage: its command lines in the words of "weft db".
import { UsageError } from '../verb.ts';
import { osloOptions } from './oslo-options.ts';
import type { Spoken, Translate } from './programs.ts';

const program = 'neutron-db-manage';
const wrong = (why: string): UsageError => new UsageError(`${program}: ${why}`);
const said = (...lines: string[]): Spoken => ({ kind: 'said', lines });
const noContract = 'nothing to do: no revision takes anything away, so servers need not stop for one';

/** Options before the command or behind it, as argparse takes them. */
interface Words {
  connection: string[];
  revision: string | undefined;
  phase: 'expand' | 'contract' | undefined;
  verbose: boolean;
}

export const dbManage: Translate = (argv, place) => {
  const oslo = osloOptions(program, argv);
  const [command, words] = read(oslo.rest);
  const where = words.connection.length > 0 ? words.connection : place(oslo);
  const run = (...verb: string[]): Spoken => ({ kind: 'verb', argv: verb, idle: oslo.idle });
  switch (command) {
    case 'upgrade':
      if (words.phase === 'contract') return said(noContract);
      return run('db', 'upgrade', ...where, ...revisionOf(words));
    case 'current':
      return run('db', 'current', ...where);
    case 'check':
      return run('db', 'check', ...where);
    case 'history':
      return run('db', 'history', ...(words.verbose ? ['--verbose'] : []));
    case 'heads':
      return run('db', 'history', '--head');
    case 'branches':
    case 'check_migration':
      return said();
    case 'has_offline_migrations':
      return said(`no offline migrations pending: ${noContract}`);
    case 'downgrade':
      throw wrong('there is no way back: what a revision adds harms no older version');
    case 'stamp':
      throw wrong('revisions are not stamped: "weft db current" says which ones the tables contain');
    case 'revision':
      throw wrong('revisions are written where Weft is developed: npm run revision NAME');
    default:
      throw wrong(command === undefined ? 'which command? upgrade, current, history, heads, check …' : `there is no command ${command}`);
  }
};

function read(rest: readonly string[]): [command: string | undefined, words: Words] {
  const words: Words = { connection: [], revision: undefined, phase: undefined, verbose: false };
  const plain: string[] = [];
  const queue = [...rest];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [name = '', inline] = word.startsWith('--') ? word.slice(2).split(/=(.*)/s) : [];
    const value = (): string => {
      const given = inline ?? queue.shift();
      if (given === undefined) throw wrong(`--${name} needs a value`);
      return given;
    };
    if (name === '' && !word.startsWith('-')) plain.push(word);
    else takeOption(words, name, value);
  }
  if (plain.length > 2) throw wrong(`what is ${JSON.stringify(plain[2])} for?`);
  words.revision = plain[1];
  return [plain[0], words];
}

function takeOption(words: Words, name: string, value: () => string): void {
  switch (name) {
    case 'database-connection':
      words.connection = ['--connection', value()];
      return;
    case 'database-engine':
    case 'mysql-engine':
      value();
      return;
    case 'subproject': {
      const project = value();
      if (project !== 'neutron') throw wrong(`there is no subproject ${project} here, only neutron`);
      return;
    }
    case 'expand':
    case 'contract':
      words.phase = name;
      return;
    case 'verbose':
      words.verbose = true;
      return;
    case 'sql':
    case 'delta':
      throw wrong(`--${name} is not had here: "weft db upgrade --dry-run" says what would be done`);
    default:
      throw wrong(`there is no option --${name}`);
  }
}

function revisionOf({ revision, phase }: Words): string[] {
  if (revision === undefined && phase === undefined) throw wrong('upgrade to what? heads, a revision, or --expand');
  if (revision === undefined || ['head', 'heads', 'expand@head'].includes(revision)) return [];
  if (/^[+-]/.test(revision)) throw wrong('a revision is named by its number, name or id');
  return [revision];
}
