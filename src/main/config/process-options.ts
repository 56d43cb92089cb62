// Options of the server's process: where it listens, where its state is, what it is made of.
import { ConfigError } from './ini.ts';
import { type Option, option, section, type Type } from './option.ts';
import { type ServerProcess, sets, setsProcess } from './server-process.ts';
import { int, mapped, oneOf, path, string } from './values.ts';

const host: Type<string> = mapped(string, 'address or name', text => {
  if (!/^[\w.:-]{1,253}$/.test(text)) throw new ConfigError('an address or a name of this machine is wanted');
  return text;
});

/** One of several names, of which each is refused with a reason of its own. */
const only = (names: readonly string[], why: (name: string) => string): Type<string> =>
  mapped(string, 'string', text => {
    if (!names.includes(text)) throw new ConfigError(`${names.map(name => `'${name}'`).join(' or ')} is wanted: ${why(text)}`);
    return text;
  });

const corePlugin = only(['ml2', 'neutron.plugins.ml2.plugin.Ml2Plugin'], () => 'other core plug-ins cannot be had here');

export const processOptions: readonly Option<ServerProcess>[] = section('DEFAULT', [
  option('bind_host', host, 'the address that the API is served at', setsProcess('bindHost'), { default: '127.0.0.1' }),
  option('bind_port', int(0, 65_535), 'its port; 0: any that is free', setsProcess('bindPort'), { default: '9696' }),
  option('state_path', path, 'the state directory', setsProcess('statePath')),
  option(
    'auth_strategy',
    oneOf('keystone', 'noauth'),
    'who callers are: `keystone` asks for tokens, of Keystone or of the identity that is built in; with `noauth` everybody is an administrator',
    sets('authStrategy'),
    { default: 'keystone' },
  ),
  option('core_plugin', corePlugin, 'what the server is; `ml2` and nothing else', config => config, { default: 'ml2' }),
]);
