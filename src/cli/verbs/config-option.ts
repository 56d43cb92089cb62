// Configuration files in Neutron's form: an option of the verbs that start the API server.
import { type Call, type OptionSpec, texts } from '../verb.ts';

export const configOption: Readonly<Record<string, OptionSpec>> = {
  'config-file': {
    type: 'string',
    value: 'FILE',
    multiple: true,
    help: "options of the API server, under the names of Neutron's configuration files",
  },
};

export const configFilesOf = (call: Call): readonly string[] => texts(call, 'config-file');
