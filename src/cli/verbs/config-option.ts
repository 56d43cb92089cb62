// Configuration files in Neutron's form: an option of the verbs that start the API server.
import { type Call, type OptionSpec, text, texts } from '../verb.ts';

export const configOption: Readonly<Record<string, OptionSpec>> = {
  'config-file': {
    type: 'string',
    value: 'FILE',
    multiple: true,
    help: "options of the API server, under the names of Neutron's configuration files",
  },
  'policy-file': {
    type: 'string',
    value: 'FILE',
    help: 'rules in place of the default ones, as in a policy.yaml of Neutron (default: policy.yaml in the state directory)',
  },
};

export interface ConfigFiles {
  readonly configFiles: readonly string[];
  readonly policyFile: string | undefined;
}

export const configFilesOf = (call: Call): ConfigFiles => ({
  configFiles: texts(call, 'config-file'),
  policyFile: text(call, 'policy-file'),
});
