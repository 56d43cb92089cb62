// weft up: what it can be told. The work itself is done in main, which hands its function in.
import { isIPv4 } from 'node:net';
import { onHostStatePath } from '../state.ts';
import { type Call, count, flag, text, texts, usage, type Verb } from '../verb.ts';
import { configOption, upgradeOption } from './config-option.ts';
import { type KeystoneSettings, keystoneOf, keystoneOptions } from './keystone-option.ts';
import { listenOf, listenOption } from './listen-option.ts';
import { type ServiceOptions, serviceOptionsOf } from './service-option.ts';

export interface UpOptions extends ServiceOptions {
  /** Port 0: any that is free. */
  readonly listen: { readonly address: string; readonly port: number } | undefined;
  readonly hosts: number;
  /** As written; main reads them. */
  readonly publish: readonly string[];
  /** `server`: no hosts at all. */
  readonly mode: 'contained' | 'on-host' | 'server';
  /** Of the hosts; undefined: as the state directory has it. */
  readonly switchKind: 'linuxbridge' | 'openvswitch' | undefined;
  /** Of the ends of tunnels, on the machine's own network. */
  readonly localIp: string | undefined;
  /** Undefined: the built-in identity. */
  readonly keystone: KeystoneSettings | undefined;
}

export function upVerb(work: (options: UpOptions, out: (line: string) => void) => Promise<number>): Verb {
  const verb: Verb = {
    path: ['up'],
    usage: '',
    summary: 'start the API server and the hosts with their agents, and stay until stopped',
    details: [
      'By default every host is a sandbox of namespaces, joined with the others by an underlay, and nothing of the machine\'s own network is touched. A public network is there out of the box (physical network "public", 172.24.4.0/24, gateway .1); from outside it is reached with "weft public exec" or --publish. Instances have no way out to the internet.',
      'When everything is there, one line beginning with "ready" says where the API is and how to use it. Ctrl-C, "weft down" or a kill ends it, and leaves nothing but the state directory; the next start realises the same networks again.',
    ],
    examples: ['weft up', 'weft up --hosts 3 --publish 8080=172.24.4.10:80', 'weft up --state-dir /tmp/lab --listen 127.0.0.1:19696'],
    options: {
      'state-dir': {
        type: 'string',
        value: 'DIR',
        help: `where everything is kept (default: state_path of the configuration, $WEFT_STATE_DIR, or weft in your state folder; with --on-host ${onHostStatePath})`,
      },
      ...listenOption,
      ...configOption,
      ...upgradeOption,
      hosts: { type: 'string', value: 'N', help: 'how many hosts there are (default 1)' },
      switch: {
        type: 'string',
        value: 'KIND',
        help: 'what the hosts switch with: linuxbridge (default), or openvswitch with a database and a switch for each host; it stays that of the first start',
      },
      publish: {
        type: 'string',
        value: 'PORT=ADDRESS:PORT',
        multiple: true,
        help: 'a loopback port that leads to an address on the public network',
      },
      'on-host': { type: 'boolean', help: "use the machine's own network instead of sandboxes (root)" },
      'local-ip': {
        type: 'string',
        value: 'ADDRESS',
        help: "with --on-host: the machine's address for tunnels (default: that of its default route)",
      },
      ...keystoneOptions,
      debug: { type: 'boolean', help: 'log more' },
    },
    args: [0, 0],
    run: call => work(upOptions(verb, call), call.out),
  };
  return verb;
}

function upOptions(verb: Verb, call: Call): UpOptions {
  const onHost = flag(call, 'on-host');
  const hosts = count(verb, call, 'hosts', { least: 1, most: 64, otherwise: 1 });
  if (onHost && hosts > 1) throw usage(verb, '--on-host is one host: the machine itself');
  const switchKind = switchOf(verb, call);
  if (onHost && switchKind === 'openvswitch')
    throw usage(verb, '--switch openvswitch is for contained hosts: on the machine itself Weft has Linux bridges');
  const localIp = text(call, 'local-ip');
  if (localIp !== undefined && !onHost) throw usage(verb, '--local-ip is for --on-host: contained hosts have addresses of their own');
  if (localIp !== undefined && !isIPv4(localIp)) throw usage(verb, `--local-ip takes an IPv4 address, not ${JSON.stringify(localIp)}`);
  return {
    ...serviceOptionsOf(call),
    ...(onHost ? { defaultStateDir: onHostStatePath } : {}),
    listen: listenOf(verb, call),
    hosts,
    publish: texts(call, 'publish'),
    mode: onHost ? 'on-host' : 'contained',
    localIp,
    switchKind: onHost ? 'linuxbridge' : switchKind,
    keystone: keystoneOf(verb, call),
  };
}

function switchOf(verb: Verb, call: Call): UpOptions['switchKind'] {
  const said = text(call, 'switch');
  if (said === undefined || said === 'linuxbridge' || said === 'openvswitch') return said;
  throw usage(verb, `--switch takes linuxbridge or openvswitch, not ${JSON.stringify(said)}`);
}
