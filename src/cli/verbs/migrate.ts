// weft migrate l2: a host goes from Linux bridge to Open vSwitch with its instances.
import { flag, text, usage, type Verb } from '../verb.ts';
import { type ConfigSource, configFilesOf, configOption } from './config-option.ts';

export interface MigrateOptions {
  readonly configSources: readonly ConfigSource[];
  /** As the API calls this machine. */
  readonly host: string | undefined;
  readonly url: string | undefined;
  readonly what: 'plan' | 'begin' | 'resume' | 'rollback';
  /** Called as `PROGRAM start|stop UNIT`. */
  readonly service: string | undefined;
  readonly json: boolean;
}

export function migrateVerb(work: (options: MigrateOptions, out: (line: string) => void) => Promise<number>): Verb {
  const { 'config-file': file, 'config-dir': dir } = configOption;
  const verb: Verb = {
    path: ['migrate', 'l2'],
    usage: '',
    summary: 'move this host from Linux bridge to Open vSwitch while its instances run',
    details: [
      'Without more it is a plan: what will change, in which order, what will blink, or every reason why it cannot be done; the exit status is 3 then. Nothing is touched by it. --yes does it. Networks, subnets, ports, addresses, security groups and floating IPs stay as they are; of ports only the bindings change.',
      'Each step that is done is noted in migrate-l2.json in state_path. After a crash, or when a step is refused, --resume goes on and --rollback takes it back, from whatever step.',
      "Run it as root on the host, with neutron.conf and the openvswitch_agent.ini that the host will have. The API is found through the account in [keystone_authtoken], an administrator's. The agents are started and stopped by you, when it says so, or by --service, which is called as systemctl is.",
    ],
    examples: [
      'weft migrate l2 --to openvswitch --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/plugins/ml2/openvswitch_agent.ini',
      'weft migrate l2 --to openvswitch --yes --service systemctl --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/plugins/ml2/openvswitch_agent.ini',
    ],
    options: {
      to: { type: 'string', value: 'SWITCH', help: 'openvswitch' },
      host: { type: 'string', value: 'NAME', help: 'what the API calls this machine (default: host in the files, or its own name)' },
      ...(file ? { 'config-file': { ...file, help: "options, under the names of the files of Neutron's agents" } } : {}),
      ...(dir ? { 'config-dir': dir } : {}),
      url: { type: 'string', value: 'URL', help: "the API (default: the catalog's)" },
      plan: { type: 'boolean', help: 'show what would be done (the default)' },
      yes: { type: 'boolean', help: 'do it' },
      resume: { type: 'boolean', help: 'go on with what was begun' },
      rollback: { type: 'boolean', help: 'take back what was begun' },
      service: {
        type: 'string',
        value: 'PROGRAM',
        help: 'is called as PROGRAM start|stop neutron-openvswitch-agent and the like: systemctl',
      },
      json: { type: 'boolean', help: 'print the plan as JSON' },
    },
    args: [0, 0],
    run(call) {
      const to = text(call, 'to');
      if (to !== 'openvswitch') throw usage(verb, `--to takes openvswitch${to === undefined ? '' : `, not ${JSON.stringify(to)}`}`);
      const chosen = (['plan', 'yes', 'resume', 'rollback'] as const).filter(word => flag(call, word));
      if (chosen.length > 1) throw usage(verb, `${chosen.map(word => `--${word}`).join(' and ')} exclude each other`);
      const [word = 'plan'] = chosen;
      const json = flag(call, 'json');
      if (json && word !== 'plan') throw usage(verb, '--json is for the plan');
      const { configSources } = configFilesOf(call);
      const what = word === 'yes' ? 'begin' : word;
      return work(
        { configSources, host: text(call, 'host'), url: text(call, 'url'), what, service: text(call, 'service'), json },
        call.out,
      );
    },
  };
  return verb;
}
