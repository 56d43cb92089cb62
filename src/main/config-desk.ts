// Questions about configurations, as "weft config" asks them.
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import type { ConfigDesk, ConfigPlace, ConfigView } from '../cli/verbs/config.ts';
import type { ConfigSource } from '../cli/verbs/config-option.ts';
import { serverFlags } from './config/command-line.ts';
import { type AnyProgram, programs } from './config/programs.ts';
import type { Flag } from './config/resolve.ts';
import { readServerOptions } from './config/server-options.ts';
import { loadPolicy, policyPlaces } from './policy.ts';

export const configDesk: ConfigDesk = {
  programs: async () => programs.map(({ name }) => name),
  show: async place => look(programOf(place), place, place.configSources),
  async check(place, folder) {
    if (folder === undefined) return await Promise.all(meant(place).map(program => checked(program, place, place.configSources)));
    const wanted = programs.filter(({ name }) => place.program === undefined || place.program === name);
    const found = wanted.map(program => ({ program, sources: sourcesIn(folder, program) })).filter(({ sources }) => sources.length > 0);
    const views = await Promise.all(found.map(({ program, sources }) => checked(program, place, sources)));
    return place.program === undefined ? [...views, ...strangers(folder)] : views;
  },
};

const programOf = ({ program = 'server' }: ConfigPlace): AnyProgram => programs.find(({ name }) => name === program) as AnyProgram;

/** Without `--program` the server, and each agent whose own file is among those that are named. */
function meant(place: ConfigPlace): AnyProgram[] {
  const named = new Set(place.configSources.map(({ path }) => basename(path)));
  const agents = programs.filter(({ name, files }) => name !== 'server' && named.has(basename(files.at(-1) ?? '')));
  return place.program === undefined ? [programOf(place), ...agents] : [programOf(place)];
}

function look(program: AnyProgram, place: ConfigPlace, sources: readonly ConfigSource[]): ConfigView {
  const host: Flag = { group: 'DEFAULT', name: 'host', text: hostname() };
  return program.look(sources, program.name === 'server' ? serverFlags(place) : [host]);
}

/** With what files that the configuration names have to say. */
async function checked(program: AnyProgram, place: ConfigPlace, sources: readonly ConfigSource[]): Promise<ConfigView> {
  const view = look(program, place, sources);
  if (program.name !== 'server' || view.errors.length > 0) return view;
  const { config, process } = readServerOptions(sources, place);
  try {
    const { policy } = await loadPolicy(config.policy, policyPlaces(config.policy, process.statePath ?? '/nowhere'));
    return { ...view, warnings: [...view.warnings, ...policy.warnings.map(({ message }) => `policy: ${message}`)] };
  } catch (error) {
    return { ...view, errors: [error instanceof Error ? error.message : String(error)] };
  }
}

/** The files of a program as distributions lay them; none where its own is not there. */
function sourcesIn(folder: string, { files, dirs }: AnyProgram): ConfigSource[] {
  const there = (kind: ConfigSource['kind'], names: readonly string[]): ConfigSource[] =>
    names.map(name => ({ kind, path: join(folder, name) })).filter(({ path }) => existsSync(path));
  const own = files.at(-1);
  if (own === undefined || !existsSync(join(folder, own))) return [];
  return [...there('file', files), ...there('dir', dirs)];
}

/** Files of programs that there are not here. */
const strange: Readonly<Record<string, string>> = {
  'plugins/ml2/sriov_agent.ini': 'SR-IOV agent',
  'plugins/ml2/macvtap_agent.ini': 'macvtap agent',
  'plugins/ml2/ovn.ini': 'OVN mechanism',
  'ovn.ini': 'OVN mechanism',
  'metering_agent.ini': 'metering agent',
  'neutron_ovn_metadata_agent.ini': 'OVN metadata agent',
};

function strangers(folder: string): ConfigView[] {
  return Object.entries(strange).flatMap(([file, title]) => {
    const path = join(folder, file);
    if (!existsSync(path) || programs.some(({ files }) => files.includes(file))) return [];
    const notes = [`there is no ${title} here: the file is for nobody`];
    return [{ program: '', title, files: [path], options: [], errors: [], warnings: [], notes }];
  });
}
