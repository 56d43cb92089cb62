// weft server: the API server alone.
import type { Verb } from '../verb.ts';
import { configOption, upgradeOption } from './config-option.ts';
import { keystoneOf, keystoneOptions } from './keystone-option.ts';
import { listenOf, listenOption } from './listen-option.ts';
import { serviceOptionsOf } from './service-option.ts';
import type { UpOptions } from './up.ts';

export function serverVerb(work: (options: UpOptions, out: (line: string) => void) => Promise<number>): Verb {
  const verb: Verb = {
    path: ['server'],
    usage: '',
    summary: 'start the API server alone, without hosts, and stay until stopped',
    details: [
      'For looking at the API, and for agents that are started elsewhere: they meet the server at bus.sock in the state directory. There is no public network out of the box. "weft down", "weft status" and "weft logs" work as with "weft up".',
    ],
    examples: ['weft server --state-dir /tmp/lab', 'weft server --keystone http://127.0.0.1:5000/v3 --keystone-password-file password'],
    options: {
      'state-dir': {
        type: 'string',
        value: 'DIR',
        help: 'where everything is kept (default: state_path of the configuration, $WEFT_STATE_DIR, or weft in your state folder)',
      },
      ...listenOption,
      ...configOption,
      ...upgradeOption,
      ...keystoneOptions,
      debug: { type: 'boolean', help: 'log more' },
    },
    args: [0, 0],
    run: call =>
      work(
        {
          ...serviceOptionsOf(call),
          listen: listenOf(verb, call),
          mode: 'server',
          hosts: 0,
          publish: [],
          localIp: undefined,
          switchKind: undefined,
          keystone: keystoneOf(verb, call),
        },
        call.out,
      ),
  };
  return verb;
}
