// weft upgrade check: whether this version can take over what is there.
import { type Call, flag, type OptionSpec, text, type Verb } from '../verb.ts';
import { configFilesOf, configOption } from './config-option.ts';
import type { DatabasePlace } from './db.ts';
import { stateOf, stateOption } from './state-option.ts';

export interface CheckResult {
  readonly check: string;
  readonly result: 'Success' | 'Warning' | 'Failure';
  readonly details: readonly string[];
}

export interface CheckPlace extends DatabasePlace {
  readonly policyFile: string | undefined;
}

export type UpgradeChecks = (place: CheckPlace) => Promise<readonly CheckResult[]>;

const codes = { Success: 0, Warning: 1, Failure: 2 } as const;
const title = 'Upgrade Check Results';

const options: Readonly<Record<string, OptionSpec>> = {
  ...configOption,
  connection: { type: 'string', value: 'URL', help: 'the database, in place of the one that the files name' },
  ...stateOption,
  json: { type: 'boolean', help: 'print it as JSON' },
};

export function upgradeCheckVerb(checks: UpgradeChecks): Verb {
  return {
    path: ['upgrade', 'check'],
    usage: '',
    summary: 'say whether this version can take over the configuration, the database and the agents that are there',
    details: [
      'Nothing is changed. The exit status is 0 when all is well, 1 when something needs a look, and 2 when this version would not start or not do its work. Called as "neutron-status upgrade check" it is the same.',
    ],
    examples: ['weft upgrade check --config-file /etc/neutron/neutron.conf'],
    options,
    args: [0, 0],
    async run(call: Call) {
      const place = {
        stateDir: text(call, 'state-dir'),
        folder: stateOf(call),
        ...configFilesOf(call),
        connection: text(call, 'connection'),
      };
      const results = await checks(place);
      if (flag(call, 'json')) call.out(asJson(results));
      else for (const line of table(results)) call.out(line);
      return Math.max(0, ...results.map(({ result }) => codes[result]));
    },
  };
}

/** As oslo.upgradecheck writes it. */
function asJson(results: readonly CheckResult[]): string {
  const checks = results.map(({ check, result, details }) => ({
    ...{ check, result: codes[result] },
    details: details.length > 0 ? details.join('\n') : null,
  }));
  return JSON.stringify({ name: title, checks });
}

const width = 72;

function table(results: readonly CheckResult[]): string[] {
  const rule = `+${'-'.repeat(width + 2)}+`;
  const row = (line: string): string => `| ${line.padEnd(width)} |`;
  const cell = ({ check, result, details }: CheckResult): string[] => [
    ...[`Check: ${check}`, `Result: ${result}`].map(row),
    ...(details.length === 0 ? ['Details: None'] : details.map((line, i) => `${i === 0 ? 'Details: ' : '  '}${line}`))
      .flatMap(wrapped)
      .map(row),
    rule,
  ];
  return [rule, row(title), rule, ...results.flatMap(cell)];
}

function wrapped(line: string): string[] {
  const out: string[] = [];
  for (const word of line.split(' ')) {
    const last = out.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width) out[out.length - 1] = `${last} ${word}`;
    else out.push(...(word.match(new RegExp(`.{1,${width}}`, 'gs')) ?? ['']));
  }
  return out;
}
