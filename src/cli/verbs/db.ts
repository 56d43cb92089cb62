// weft db upgrade, current, history, check: the database's schema, for those who look after one.
import type { StateFolder } from '../state.ts';
import { type Call, Failure, flag, type OptionSpec, text, usage, type Verb } from '../verb.ts';
import { type ConfigFiles, configFilesOf } from './config-option.ts';
import { stateOf, stateOption } from './state-option.ts';

/** A URL, else what the files name, else the file in the state directory. */
export interface DatabasePlace extends Pick<ConfigFiles, 'configSources'> {
  /** As it was named; undefined: that of the files, else `folder`. */
  readonly stateDir: string | undefined;
  readonly folder: StateFolder;
  readonly connection: string | undefined;
}

export interface RevisionView {
  readonly id: string;
  readonly name: string;
  /** When and by which program it was brought; absent where nobody wrote that down. */
  readonly at?: string;
  readonly by?: string;
  /** Of this program's history. */
  readonly isKnown: boolean;
}

export interface DatabaseView {
  /** Without a password. */
  readonly place: string;
  readonly isEmpty: boolean;
  readonly revisions: readonly RevisionView[];
  readonly program: string | undefined;
  readonly pending: readonly string[];
  readonly isUnfinished: boolean;
  readonly drift: readonly { readonly kind: 'missing' | 'unexpected' | 'changed'; readonly what: string }[];
  readonly refusal: string | undefined;
}

export interface HistoryEntry {
  readonly id: string;
  readonly name: string;
  readonly adds: readonly string[];
}

export interface UpgradeView {
  readonly before: DatabaseView;
  readonly after: DatabaseView;
  /** Indexes that were lost and are there again. */
  readonly putBack: readonly string[];
}

/** What main does for these verbs. */
export interface DatabaseDesk {
  history(): Promise<readonly HistoryEntry[]>;
  inspect(place: DatabasePlace): Promise<DatabaseView>;
  /** To that revision, the last one unless told. */
  upgrade(place: DatabasePlace, revision: string | undefined): Promise<UpgradeView>;
}

export const databaseOptions: Readonly<Record<string, OptionSpec>> = {
  connection: { type: 'string', value: 'URL', help: 'the database, as [database] connection names it; others on this machine see it' },
  'config-file': { type: 'string', value: 'FILE', multiple: true, help: 'files that name the database, as for the server' },
  'config-dir': { type: 'string', value: 'DIR', multiple: true, help: 'a folder whose *.conf are such files' },
  ...stateOption,
};
const json: Readonly<Record<string, OptionSpec>> = { json: { type: 'boolean', help: 'print it as JSON' } };
const where = 'The database is that of --connection, else that of the files, else weft.db in the state directory.';
export const databasePlaceOf = (call: Call): DatabasePlace => ({
  stateDir: text(call, 'state-dir'),
  folder: stateOf(call),
  configSources: configFilesOf(call).configSources,
  connection: text(call, 'connection'),
});

export const dbVerbs = (desk: DatabaseDesk): readonly Verb[] => [upgradeVerb(desk), currentVerb(desk), historyVerb(desk), checkVerb(desk)];

function upgradeVerb(desk: DatabaseDesk): Verb {
  const verb: Verb = {
    path: ['db', 'upgrade'],
    usage: '[REVISION]',
    summary: "bring the database's schema to this version, while servers work on it",
    details: [
      'Nothing is taken away and nothing changes its meaning: servers of the version before go on. Doing it twice, by several at once, or again after it was broken off is harmless. Lost indexes are put back.',
      'REVISION: a number, name or id of "weft db history"; the last one unless told.',
      where,
    ],
    examples: ['weft db upgrade', 'weft db upgrade --dry-run --config-file /etc/neutron/neutron.conf'],
    options: { ...databaseOptions, 'dry-run': { type: 'boolean', help: 'only say what would be added' } },
    args: [0, 1],
    async run(call: Call) {
      const [revision] = call.args;
      if (flag(call, 'dry-run')) {
        if (revision !== undefined) throw usage(verb, '--dry-run is about the last revision');
        return preview(await desk.inspect(databasePlaceOf(call)), call.out);
      }
      const { before, after, putBack } = await desk.upgrade(databasePlaceOf(call), revision);
      call.out(after.place);
      const done = [
        ...before.pending.filter(what => !after.pending.includes(what)),
        ...putBack.map(name => `index ${name}, which was lost`),
      ];
      for (const what of done) call.out(`+ ${what}`);
      call.out(done.length === 0 ? 'nothing to do' : `at revision ${after.revisions.at(-1)?.name ?? 'none'}`);
      return 0;
    },
  };
  return verb;
}

function preview(view: DatabaseView, out: Call['out']): number {
  refuse(view);
  out(view.place);
  for (const what of view.pending) out(`+ ${what}`);
  if (view.pending.length === 0) out('nothing to do');
  return 0;
}

function currentVerb(desk: DatabaseDesk): Verb {
  return {
    path: ['db', 'current'],
    usage: '',
    summary: 'show the revisions that the database has, and who brought them',
    details: [where],
    examples: ['weft db current', 'weft db current --connection mysql+pymysql://neutron:SECRET@controller/neutron'],
    options: { ...databaseOptions, ...json },
    args: [0, 0],
    async run(call: Call) {
      const view = await desk.inspect(databasePlaceOf(call));
      if (flag(call, 'json')) call.out(JSON.stringify(view, undefined, 2));
      else for (const line of currentLines(view, (await desk.history()).at(-1)?.id)) call.out(line);
      return 0;
    },
  };
}

function currentLines(view: DatabaseView, head: string | undefined): string[] {
  if (view.isEmpty) return [view.place, 'empty: no revision'];
  const last = view.program === undefined ? [] : [`extended last by ${view.program}`];
  return [view.place, ...view.revisions.map(revision => revisionLine(revision, head)), ...last];
}

function revisionLine({ id, name, at, by, isKnown }: RevisionView, head: string | undefined): string {
  const marks = [...(id === head ? ['head'] : []), ...(isKnown ? [] : ['not known to this version'])];
  const told = at === undefined ? '' : `  ${at} by ${by}`;
  return `${name} (${id})${told}${marks.length > 0 ? `  (${marks.join(', ')})` : ''}`;
}

function historyVerb(desk: DatabaseDesk): Verb {
  return {
    path: ['db', 'history'],
    usage: '',
    summary: 'list the revisions that this version knows, and what each adds',
    examples: ['weft db history', 'weft db history --verbose'],
    options: {
      head: { type: 'boolean', help: 'only the last one' },
      verbose: { type: 'boolean', help: 'every table, column and index' },
      ...json,
    },
    args: [0, 0],
    async run(call: Call) {
      const all = await desk.history();
      const entries = flag(call, 'head') ? all.slice(-1) : all;
      if (flag(call, 'json')) call.out(JSON.stringify(entries, undefined, 2));
      else for (const entry of entries) for (const line of historyLines(entry, flag(call, 'verbose'))) call.out(line);
      return 0;
    },
  };
}

const fewest = 4;

function historyLines({ id, name, adds }: HistoryEntry, verbose: boolean): string[] {
  const shown = verbose ? adds : adds.slice(0, fewest);
  const more = adds.length > shown.length ? [`  and ${adds.length - shown.length} more`] : [];
  return [`${name} (${id})`, ...shown.map(what => `  + ${what}`), ...more];
}

function checkVerb(desk: DatabaseDesk): Verb {
  return {
    path: ['db', 'check'],
    usage: '',
    summary: "say whether the database's schema is what this version wants",
    details: [
      'The exit status is 0 when it is, 1 when an upgrade is needed, and 3 when the database is not what it says of itself: tables, columns or indexes are missing, unexpected or changed. What is there beyond this version because a newer one brought it is no fault.',
      where,
    ],
    examples: ['weft db check', 'weft db check --config-file /etc/neutron/neutron.conf'],
    options: { ...databaseOptions, ...json },
    args: [0, 0],
    async run(call: Call) {
      const view = await desk.inspect(databasePlaceOf(call));
      if (flag(call, 'json')) call.out(JSON.stringify(view, undefined, 2));
      else for (const line of checkLines(view)) call.out(line);
      if (view.drift.length > 0) return 3;
      return view.pending.length > 0 || view.refusal !== undefined ? 1 : 0;
    },
  };
}

export function checkLines(view: DatabaseView): string[] {
  const { place, isEmpty, pending, isUnfinished, drift, refusal, revisions } = view;
  const newer = revisions.filter(each => !each.isKnown).map(each => `the database has ${each.name} of a newer version, which does no harm`);
  const lines = [
    ...drift.map(({ kind, what }) => `${kind}: ${what}`),
    ...(refusal === undefined ? pending.map(what => `to be added: ${what}`) : [`not usable: ${refusal}`]),
    ...(isUnfinished ? ['an upgrade was broken off, and will be gone on with by the next one of that version'] : []),
    ...newer,
  ];
  return [place, ...lines, verdict(view, isEmpty)];
}

function verdict({ drift, pending, refusal }: DatabaseView, isEmpty: boolean): string {
  if (drift.length > 0) return 'the schema is not what it should be';
  if (refusal !== undefined) return 'this version cannot use it';
  if (isEmpty) return 'empty: "weft db upgrade" makes the schema';
  return pending.length > 0 ? 'an upgrade is needed: "weft db upgrade"' : 'up to date';
}

function refuse({ refusal }: DatabaseView): void {
  if (refusal !== undefined) throw new Failure(refusal);
}
