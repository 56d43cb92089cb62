// weft config show, check: what a configuration comes to, and whether it would work here.
import { type Call, Failure, flag, type OptionSpec, text, usage, type Verb } from '../verb.ts';
import { type ConfigFiles, configFilesOf, configOption } from './config-option.ts';
import { listenOf, listenOption } from './listen-option.ts';

/** An option with its value; passwords are masked. */
export interface OptionView {
  readonly group: string;
  readonly name: string;
  /** Null: not set; several of an option that may be repeated. */
  readonly value: string | readonly string[] | null;
  /** `FILE:LINE`, `default`, or the option of the command line, for each value. */
  readonly from: readonly string[];
  /** The older name by which a file sets it. */
  readonly older?: string;
  /** Why it has no effect. */
  readonly without?: string;
}

export interface ConfigView {
  /** `server`. */
  readonly program: string;
  readonly title: string;
  readonly files: readonly string[];
  readonly options: readonly OptionView[];
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
}

export interface ConfigPlace extends ConfigFiles {
  /** Undefined: that of the server, or of a folder all that it has files for. */
  readonly program: string | undefined;
  readonly listen: { readonly address: string; readonly port: number } | undefined;
  readonly stateDir: string | undefined;
}

/** What main does for these verbs. */
export interface ConfigDesk {
  /** Names of programs that configuration files are for. */
  programs(): Promise<readonly string[]>;
  show(place: ConfigPlace): Promise<ConfigView>;
  /** Of a folder such as /etc/neutron, or of the files that are named. */
  check(place: ConfigPlace, folder: string | undefined): Promise<readonly ConfigView[]>;
}

const options: Readonly<Record<string, OptionSpec>> = {
  program: {
    type: 'string',
    value: 'NAME',
    help: 'the program that the files are for, such as server or openvswitch-agent (default server; check: and each agent whose own file is named)',
  },
  ...configOption,
  ...listenOption,
  'state-dir': { type: 'string', value: 'DIR', help: 'state directory, as it would be named at the start' },
  json: { type: 'boolean', help: 'print it as JSON' },
};

export const configVerbs = (desk: ConfigDesk): readonly Verb[] => [showVerb(desk), checkVerb(desk)];

async function placeOf(desk: ConfigDesk, verb: Verb, call: Call): Promise<ConfigPlace> {
  const program = text(call, 'program');
  const programs = await desk.programs();
  if (program !== undefined && !programs.includes(program)) throw usage(verb, `--program takes one of ${programs.join(', ')}`);
  return { ...configFilesOf(call), program, listen: listenOf(verb, call), stateDir: text(call, 'state-dir') };
}

function showVerb(desk: ConfigDesk): Verb {
  const verb: Verb = {
    path: ['config', 'show'],
    usage: '[TEXT]',
    summary: 'show the value of each option, and where it comes from',
    details: [
      'With TEXT, options whose section and name have it in them. Options that have no effect are shown where a file sets them. Passwords are masked. The exit status is 1 when a value is wrong.',
    ],
    examples: [
      'weft config show --config-file neutron.conf --config-file ml2_conf.ini',
      'weft config show --config-file neutron.conf --changed',
      'weft config show database --config-file neutron.conf --config-dir conf.d --json',
    ],
    options: { ...options, changed: { type: 'boolean', help: 'only what a file or the command line says' } },
    args: [0, 1],
    async run(call: Call) {
      const view = await desk.show(await placeOf(desk, verb, call));
      const [wanted = ''] = call.args;
      const isShown = (option: OptionView): boolean =>
        `[${option.group}] ${option.name}`.includes(wanted) && !(flag(call, 'changed') && option.from.every(from => from === 'default'));
      const shown = { ...view, options: view.options.filter(isShown) };
      if (flag(call, 'json')) call.out(JSON.stringify(shown, undefined, 2));
      else for (const line of [...iniLines(shown.options), ...remarks(view)]) call.out(line);
      return view.errors.length > 0 ? 1 : 0;
    },
  };
  return verb;
}

/** As a file would have it, with where each value comes from behind it. */
function iniLines(shown: readonly OptionView[]): string[] {
  const rows = [...Map.groupBy(shown, ({ group }) => group)].map(([group, members]) => ({ group, lines: members.flatMap(valueLines) }));
  const width = Math.min(60, Math.max(0, ...rows.flatMap(({ lines }) => lines.map(({ value }) => value.length))));
  return rows.flatMap(({ group, lines }) => [`[${group}]`, ...lines.map(({ value, remark }) => `${value.padEnd(width)}  # ${remark}`), '']);
}

function valueLines({ name, value, from, older, without }: OptionView): { value: string; remark: string }[] {
  const more = [older === undefined ? '' : `, as ${older}`, without === undefined ? '' : `; no effect: ${without}`].join('');
  if (value === null) return [{ value: `${name} =`, remark: `not set${more}` }];
  const values = typeof value === 'string' ? [value] : value;
  if (values.length === 0) return [{ value: `${name} =`, remark: 'not set' }];
  return values.map((one, i) => ({ value: `${name} = ${one.replaceAll('\n', ' ')}`.trimEnd(), remark: `${from[i] ?? 'default'}${more}` }));
}

const remarks = ({ errors, warnings, notes }: ConfigView): string[] => [
  ...errors.map(line => `error: ${line}`),
  ...warnings.map(line => `warning: ${line}`),
  ...notes.map(line => `note: ${line}`),
];

function checkVerb(desk: ConfigDesk): Verb {
  const verb: Verb = {
    path: ['config', 'check'],
    usage: '[FOLDER]',
    summary: 'say whether a configuration of Neutron would work here',
    details: [
      'FOLDER is one such as /etc/neutron, where every program has its files; each that has some is looked at. Without FOLDER and without files it is /etc/neutron. Errors keep a program from starting; warnings are what is likely not meant; notes are options that have no effect, with the reason.',
      'The exit status is 0 when there are no errors, and 1 otherwise.',
    ],
    examples: [
      'weft config check',
      'weft config check /etc/neutron --json',
      'weft config check --config-file neutron.conf --config-file ml2_conf.ini',
      'weft config check --program openvswitch-agent --config-file neutron.conf --config-file openvswitch_agent.ini',
    ],
    options,
    args: [0, 1],
    async run(call: Call) {
      const place = await placeOf(desk, verb, call);
      const [folder] = call.args;
      if (folder !== undefined && place.configSources.length > 0) throw usage(verb, 'a folder or files, not both');
      const views = await desk.check(place, folder ?? (place.configSources.length > 0 ? undefined : '/etc/neutron'));
      if (views.length === 0) throw new Failure(`there are no files of Neutron in ${folder ?? '/etc/neutron'}`);
      const errors = views.reduce((sum, view) => sum + view.errors.length, 0);
      if (flag(call, 'json')) call.out(JSON.stringify({ works: errors === 0, programs: views.map(withoutOptions) }, undefined, 2));
      else for (const line of [...views.flatMap(checkLines), verdict(views)]) call.out(line);
      return errors > 0 ? 1 : 0;
    },
  };
  return verb;
}

const withoutOptions = ({ options: _, ...view }: ConfigView): Omit<ConfigView, 'options'> => view;

function checkLines(view: ConfigView): string[] {
  const said = remarks(view);
  return [`${view.title}: ${view.files.join(', ')}`, ...(said.length === 0 ? ['nothing to say'] : said).map(line => `  ${line}`), ''];
}

function verdict(views: readonly ConfigView[]): string {
  const count = (of: 'errors' | 'warnings'): string => {
    const n = views.reduce((sum, view) => sum + view[of].length, 0);
    return `${n} ${n === 1 ? of.slice(0, -1) : of}`;
  };
  return `${count('errors') === '0 errors' ? 'it would work' : 'it would not work'}: ${count('errors')}, ${count('warnings')}`;
}
