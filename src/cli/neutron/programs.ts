// The programs that units, runbooks and deployment tools of Neutron call, each in the words of `weft`.
import { join } from 'node:path';
import { onHostStatePath } from '../state.ts';
import { UsageError } from '../verb.ts';
import { dbManage } from './db-manage.ts';
import { logOptions, type OsloCall, osloOptions, usualFiles } from './oslo-options.ts';

/** A command line for `weft` and options that have no effect, or what is to be said at once. */
export type Spoken =
  | { readonly kind: 'verb'; readonly argv: readonly string[]; readonly idle: readonly string[]; readonly because?: string }
  | { readonly kind: 'said'; readonly lines: readonly string[] };

/** `place`: the options that say which files and which state directory. */
export type Translate = (argv: readonly string[], place: (call: OsloCall, stateBelow?: string) => readonly string[]) => Spoken;

const server: Translate = (argv, place) => {
  const oslo = osloOptions('neutron-server', argv);
  return { kind: 'verb', argv: ['server', ...place(oslo), ...oslo.rest], idle: oslo.idle };
};

const rpcServer: Translate = (argv, place) => {
  const oslo = osloOptions('neutron-rpc-server', argv);
  return { kind: 'verb', argv: ['rpc-server', ...place(oslo, 'rpc-server'), ...oslo.rest], idle: oslo.idle };
};

const status: Translate = (argv, place) => {
  const oslo = osloOptions('neutron-status', argv);
  const words = oslo.rest.filter(word => word !== '--json');
  if (words.join(' ') !== 'upgrade check') throw new UsageError('neutron-status: the only command is "upgrade check"');
  const json = oslo.rest.includes('--json') ? ['--json'] : [];
  const options = place(oslo).filter(word => word !== '--debug');
  return { kind: 'verb', argv: ['upgrade', 'check', ...options, ...json], idle: oslo.idle };
};

/** Agents log where they are told, and have no state directory of their own. */
const agent =
  (kind: string): Translate =>
  (argv, place) => {
    const { stateDir, logs, ...oslo } = osloOptions(`neutron-${kind}-agent`, argv);
    const files = place({ ...oslo, logs, stateDir: undefined });
    const state = stateDir === undefined ? [] : ['--state-path', stateDir];
    const idle = oslo.idle.filter(option => !logOptions.has(option.slice(2)));
    const because = 'an agent writes to a file or to the standard error output';
    return { kind: 'verb', argv: ['agent', kind, ...files, ...state, ...logs, ...oslo.rest], idle, because };
  };

/** `own`: its options by another name. */
const cleanup =
  (program: string, what: string, own: Readonly<Record<string, string>> = {}): Translate =>
  (argv, place) => {
    const oslo = osloOptions(program, argv);
    const files = place({ ...oslo, stateDir: undefined }).filter(word => word !== '--debug');
    const rest = oslo.rest.map(word => (Object.hasOwn(own, word) ? (own[word] ?? word) : word));
    return { kind: 'verb', argv: ['cleanup', what, ...files, ...rest], idle: oslo.idle, because: 'it only says what it does' };
  };

export const neutronPrograms: Readonly<Record<string, Translate>> = {
  'neutron-server': server,
  'neutron-rpc-server': rpcServer,
  'neutron-db-manage': dbManage,
  'neutron-status': status,
  'neutron-linuxbridge-agent': agent('linuxbridge'),
  'neutron-openvswitch-agent': agent('openvswitch'),
  'neutron-dhcp-agent': agent('dhcp'),
  'neutron-l3-agent': agent('l3'),
  'neutron-metadata-agent': agent('metadata'),
  'neutron-linuxbridge-cleanup': cleanup('neutron-linuxbridge-cleanup', 'bridges'),
  'neutron-netns-cleanup': cleanup('neutron-netns-cleanup', 'namespaces'),
  'neutron-ovs-cleanup': cleanup('neutron-ovs-cleanup', 'ovs', {
    '--ovs_all_ports': '--all-ports',
    '--noovs_all_ports': '--plugged-ports',
  }),
};

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exists: (path: string) => boolean;
}

export function translate(program: string, argv: readonly string[], { env, exists }: Surroundings): Spoken {
  const spoken = neutronPrograms[program];
  if (!spoken) throw new UsageError(`weft does not stand in for ${program}; it does for ${Object.keys(neutronPrograms).join(', ')}`);
  return spoken(argv, (call, below) => {
    const files = call.namesFiles ? [] : usualFiles(program, exists);
    const state = below === undefined ? call.stateDir : join(call.stateDir ?? env['WEFT_STATE_DIR'] ?? onHostStatePath, below);
    return [...files, ...call.options, ...(state === undefined ? [] : ['--state-dir', state])];
  });
}
