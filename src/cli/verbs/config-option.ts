// Configuration files in Neutron's form: options of the verbs that start a program which has some.
import { type Call, type OptionSpec, text } from '../verb.ts';

export const configOption: Readonly<Record<string, OptionSpec>> = {
  'config-file': {
    type: 'string',
    value: 'FILE',
    multiple: true,
    help: "options of the API server, under the names of Neutron's configuration files",
  },
  'config-dir': {
    type: 'string',
    value: 'DIR',
    multiple: true,
    help: 'a folder whose *.conf are such files, in the order of their names; of a repeated option the last one counts',
  },
  'policy-file': {
    type: 'string',
    value: 'FILE',
    help: 'rules in place of the default ones, as in a policy.yaml of Neutron (default: policy.yaml in the state directory)',
  },
};

export interface ConfigSource {
  readonly kind: 'file' | 'dir';
  readonly path: string;
}

export const upgradeOption: Readonly<Record<string, OptionSpec>> = {
  'no-db-upgrade': { type: 'boolean', help: 'do not start on a database whose schema is older: "weft db upgrade" is what changes it' },
};

export interface ConfigFiles {
  /** In the order of the command line, which counts. */
  readonly configSources: readonly ConfigSource[];
  readonly policyFile: string | undefined;
}

const kinds: Readonly<Record<string, ConfigSource['kind']>> = { 'config-file': 'file', 'config-dir': 'dir' };

export const configFilesOf = (call: Call): ConfigFiles => ({
  configSources: call.given.flatMap(({ name, value }) => (kinds[name] ? [{ kind: kinds[name], path: value }] : [])),
  policyFile: text(call, 'policy-file'),
});
