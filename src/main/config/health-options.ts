// Options of [healthcheck], as oslo.middleware has them; with the defaults of Neutron's api-paste.ini.
import { ConfigError } from './ini.ts';
import { option, section, type Type } from './option.ts';
import { within } from './server-process.ts';
import { bool, list, listOf, mapped, oneOf, path, port } from './values.ts';

const backend = oneOf('disable_by_file', 'disable_by_files_ports', 'database', 'messaging');

/** `9696:/run/weft/off` */
const pathsOfPorts: Type<Readonly<Record<number, string>>> = mapped(list, 'list of port:path', items =>
  Object.fromEntries(
    items.map(item => {
      const [, number = '', file = ''] = /^(\d+):(\/.*)$/.exec(item) ?? [];
      if (file === '') throw new ConfigError('items such as 9696:/etc/neutron/healthcheck_disable are wanted');
      return [port.read(number, { file: '', line: 0 }), file];
    }),
  ),
);

export const healthOptions = section('healthcheck', [
  option(
    'backends',
    listOf(backend),
    'what `/healthcheck` looks at; `database` and `messaging` are additions here: whether the database and the broker can be reached',
    within('health', 'backends'),
    { default: 'disable_by_file' },
  ),
  option('detailed', bool, 'whether its answer says more of the reasons', within('health', 'detailed'), { default: 'false' }),
  option('disable_by_file_path', path, 'while this file is there, the server is unhealthy', within('health', 'disableByFilePath'), {
    default: '/etc/neutron/healthcheck_disable',
  }),
  option('disable_by_file_paths', pathsOfPorts, 'the same for requests to one port', within('health', 'disableByFilePaths'), {
    default: '',
  }),
]);
