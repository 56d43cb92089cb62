// weft rpc-server: the part of a server that agents talk with, alone.
import type { Verb } from '../verb.ts';
import { configOption, upgradeOption } from './config-option.ts';
import { type ServiceOptions, serviceOptionsOf } from './service-option.ts';

export function rpcServerVerb(work: (options: ServiceOptions, out: (line: string) => void) => Promise<number>): Verb {
  return {
    path: ['rpc-server'],
    usage: '',
    summary: 'answer agents on the broker, without an API, and stay until stopped',
    details: [
      'Beside servers with an API, on the same database and broker: it listens at no address, answers what agents ask, and tells them, Nova and others what has changed. It needs transport_url; rpc_workers and rpc_state_report_workers say how many processes it has. It ends at SIGTERM, and reads its files again at SIGHUP.',
    ],
    examples: ['weft rpc-server --config-file /etc/neutron/neutron.conf --state-dir /var/lib/weft/rpc-server'],
    options: {
      'state-dir': {
        type: 'string',
        value: 'DIR',
        help: 'where its logs are, and no other server (default: state_path of the configuration, $WEFT_STATE_DIR, or weft in your state folder)',
      },
      ...configOption,
      ...upgradeOption,
      debug: { type: 'boolean', help: 'log more' },
    },
    args: [0, 0],
    run: call => work(serviceOptionsOf(call), call.out),
  };
}
