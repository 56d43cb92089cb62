// The options that put Weft behind a Keystone. The password is never one of them: a command line is there for everybody to read.
import { type Call, type OptionSpec, text, usage, type Verb } from '../verb.ts';

export interface KeystoneSettings {
  readonly url: string;
  readonly user: string;
  readonly project: string;
  /** Of both, by name. */
  readonly domain: string;
  /** Undefined: `$WEFT_KEYSTONE_PASSWORD`. */
  readonly passwordFile: string | undefined;
}

export const keystoneOptions: Readonly<Record<string, OptionSpec>> = {
  keystone: { type: 'string', value: 'URL', help: 'who users are is asked of this Keystone, instead of the built-in identity' },
  'keystone-user': { type: 'string', value: 'NAME', help: 'the service user, which may validate tokens (default neutron)' },
  'keystone-project': { type: 'string', value: 'NAME', help: 'its project (default service)' },
  'keystone-domain': { type: 'string', value: 'NAME', help: 'the domain of both (default Default)' },
  'keystone-password-file': {
    type: 'string',
    value: 'FILE',
    help: 'a file with its password (default: the password is $WEFT_KEYSTONE_PASSWORD)',
  },
};

export function keystoneOf(verb: Verb, call: Call): KeystoneSettings | undefined {
  const url = text(call, 'keystone');
  if (url === undefined) {
    const stray = Object.keys(keystoneOptions).find(option => text(call, option) !== undefined);
    if (stray !== undefined) throw usage(verb, `--${stray} is for --keystone URL`);
    return undefined;
  }
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.username || parsed.password || parsed.search || parsed.hash)
    throw usage(verb, `--keystone takes a URL such as http://127.0.0.1:5000/v3, not ${JSON.stringify(url)}`);
  return {
    url,
    user: text(call, 'keystone-user') ?? 'neutron',
    project: text(call, 'keystone-project') ?? 'service',
    domain: text(call, 'keystone-domain') ?? 'Default',
    passwordFile: text(call, 'keystone-password-file'),
  };
}
