// weft audit: whether what hosts and the database hold is what the API says.
import { type AuditView, control, type FindingView } from '../control.ts';
import { flag, text, type Verb } from '../verb.ts';
import { type ConfigSource, configFilesOf, configOption } from './config-option.ts';
import { stateOf, stateOption } from './state-option.ts';

export interface AuditOptions {
  readonly configSources: readonly ConfigSource[];
  /** As the API calls it; undefined: as the files or the machine do. */
  readonly host: string | undefined;
  readonly url: string | undefined;
  readonly fix: boolean;
}

/** `work` looks at this machine, beside agents that files configure. */
export function auditVerb(work: (options: AuditOptions) => Promise<AuditView>): Verb {
  const { 'config-file': file, 'config-dir': dir } = configOption;
  return {
    path: ['audit'],
    usage: '',
    summary: 'compare what hosts hold with what the API says, and repair it',
    details: [
      'Lists what nobody wants (orphan), what is wanted and not there (gap) and what is not as it should be (drift): taps, bridges, tunnels, namespaces, daemons, their addresses, and agents that do not report. What agents are at work on is looked at twice. The exit status is 0 when nothing was found or all of it was repaired, and 3 otherwise.',
      "Without --config-file it is about the hosts of a running Weft; with it, about this machine, whose agents (Weft's or Neutron's) those files configure: the API is found through the account in [keystone_authtoken].",
      '--fix shows first what it found. It removes orphans, and has agents compare everything with the server; what an agent has to be started anew for is left.',
    ],
    examples: [
      'weft audit',
      'weft audit --fix',
      'weft audit --config-file /etc/neutron/neutron.conf --config-file /etc/neutron/dhcp_agent.ini',
    ],
    options: {
      ...stateOption,
      ...(file ? { 'config-file': { ...file, help: 'look at this machine, whose agents these files configure' } } : {}),
      ...(dir ? { 'config-dir': dir } : {}),
      host: { type: 'string', value: 'NAME', help: 'what the API calls this machine (default: host in the files, or its own name)' },
      url: { type: 'string', value: 'URL', help: "the API (default: the catalog's)" },
      fix: { type: 'boolean', help: 'repair what was found' },
      json: { type: 'boolean', help: 'print it as JSON' },
    },
    args: [0, 0],
    async run(call) {
      const { configSources } = configFilesOf(call);
      const json = flag(call, 'json');
      const look = (fix: boolean): Promise<AuditView> =>
        configSources.length > 0
          ? work({ configSources, host: text(call, 'host'), url: text(call, 'url'), fix })
          : control<AuditView>(stateOf(call), 'POST', '/audit', { fix });
      let view = await look(false);
      if (!json) for (const each of findingLines(view)) call.out(each);
      let left = view.findings.length;
      if (flag(call, 'fix') && left > 0) {
        view = await look(true);
        if (!json) for (const each of repairLines(view)) call.out(each);
        left = view.repaired.filter(({ why }) => why !== undefined).length;
      }
      if (json) call.out(JSON.stringify(view, undefined, 2));
      return left === 0 ? 0 : 3;
    },
  };
}

function findingLines({ findings }: AuditView): string[] {
  if (findings.length === 0) return ['nothing found'];
  return findings.map(found => `${line(found)}${found.repair === undefined ? '' : ` (a repair ${found.repair})`}`);
}

const repairLines = ({ repaired }: AuditView): string[] =>
  repaired.map(({ finding, why }) => (why === undefined ? `repaired: ${line(finding)}` : `not repaired: ${line(finding)}: ${why}`));

const line = ({ kind, where, what }: FindingView): string => `${kind} on ${where}: ${what}`;
