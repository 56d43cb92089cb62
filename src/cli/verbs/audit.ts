// weft audit: whether what hosts and the database hold is what the API says.
import { type AuditView, control, type FindingView } from '../control.ts';
import { flag, text, usage, type Verb } from '../verb.ts';
import { type ConfigSource, configFilesOf, configOption } from './config-option.ts';
import { stateOf, stateOption } from './state-option.ts';

export interface AuditOptions {
  readonly configSources: readonly ConfigSource[];
  /** As the API calls this machine: by the name in the files, or by its own; undefined: by the former. */
  readonly host: string | undefined;
  readonly url: string | undefined;
  /** Of what is found, that which is to be repaired. */
  readonly shown: readonly FindingView[];
}

/** `work` looks at this machine, beside agents that files configure. */
export function auditVerb(work: (options: AuditOptions) => Promise<AuditView>): Verb {
  const { 'config-file': file, 'config-dir': dir } = configOption;
  const verb: Verb = {
    path: ['audit'],
    usage: '',
    summary: 'compare what hosts hold with what the API says, and repair it',
    details: [
      'Lists what nobody wants (orphan), what is wanted and not there (gap) and what is not as it should be (drift): taps, bridges, tunnels, namespaces, daemons, their addresses, and agents that do not report. What agents are at work on is looked at twice. The exit status is 0 when nothing was found or all of it was repaired, and 3 otherwise.',
      "Without --config-file it is about the hosts of a running Weft; with it, about this machine, whose agents (Weft's or Neutron's) those files configure: the API is found through the account in [keystone_authtoken].",
      '--fix shows first what it found, and repairs of that what is there still. It removes orphans, and has agents compare everything with the server; what an agent has to be started anew for is left.',
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
      host: {
        type: 'string',
        value: 'NAME',
        help: 'by which of its names, host in the files or its own, the API knows this machine (default: the former)',
      },
      url: { type: 'string', value: 'URL', help: "the API (default: the catalog's)" },
      fix: { type: 'boolean', help: 'repair what was found' },
      json: { type: 'boolean', help: 'print it as JSON' },
    },
    args: [0, 0],
    async run(call) {
      const { configSources } = configFilesOf(call);
      const json = flag(call, 'json');
      const [host, url] = [text(call, 'host'), text(call, 'url')];
      if (configSources.length === 0 && (host ?? url) !== undefined)
        throw usage(verb, 'without --config-file it is about all hosts of a running Weft: --host and --url are not for it');
      const look = (shown: readonly FindingView[]): Promise<AuditView> =>
        configSources.length > 0
          ? work({ configSources, host, url, shown })
          : control<AuditView>(stateOf(call), 'POST', '/audit', { repair: shown.map(asShown) });
      let view = await look([]);
      if (!json) for (const each of findingLines(view)) call.out(each);
      if (flag(call, 'fix') && view.findings.length > 0) {
        view = await look(view.findings);
        if (!json) for (const each of repairLines(view)) call.out(each);
      }
      if (json) call.out(JSON.stringify(view, undefined, 2));
      const repaired = view.repaired.filter(({ why }) => why === undefined);
      return repaired.length === view.findings.length ? 0 : 3;
    },
  };
  return verb;
}

const asShown = ({ kind, where, what, repair }: FindingView) => ({ kind, where, what, ...(repair === undefined ? {} : { repair }) });

function findingLines({ findings }: AuditView): string[] {
  if (findings.length === 0) return ['nothing found'];
  return findings.map(found => `${line(found)}${found.repair === undefined ? '' : ` (a repair ${found.repair})`}`);
}

const repairLines = ({ repaired }: AuditView): string[] =>
  repaired.map(({ finding, why }) => (why === undefined ? `repaired: ${line(finding)}` : `not repaired: ${line(finding)}: ${why}`));

const line = ({ kind, where, what }: FindingView): string => `${kind} on ${where}: ${what}`;
