// The command line of `npm run conformance -- …`.
import { parseArgs } from 'node:util';

export const suites = ['tempest', 'neutron-tempest-plugin', 'answers'] as const;
export type Suite = (typeof suites)[number];

export interface Options {
  readonly suites: readonly Suite[];
  readonly include: RegExp;
  readonly workers: number;
  readonly minutes: number;
  readonly keep: boolean;
  readonly report: string | undefined;
}

/** What CI has the time for: the recorded answers, and the classes that say most for their time. */
const quick = new RegExp(
  [
    'tempest\\.api\\.network\\.(test_(networks|ports|routers|floating_ips|security_groups|tags|versions|extensions)\\.\\w*(?<!IpV6)(?<!IPv6)Test',
    'test_networks_negative|test_security_groups_negative|test_allowed_address_pair\\.AllowedAddressPairTest)',
  ].join('|'),
);

export const usage = `usage: npm run conformance -- [--quick] [--suite ${suites.join('|')} …] [--include REGEX] [--workers N] [--minutes N] [--report FILE] [--keep]`;

export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      suite: { type: 'string', multiple: true },
      include: { type: 'string' },
      workers: { type: 'string', default: '2' },
      minutes: { type: 'string' },
      report: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  const named = values.suite ?? (values.quick ? ['tempest', 'answers'] : suites);
  const unknown = named.find(name => !(suites as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`there is no suite ${JSON.stringify(unknown)}\n${usage}`);
  return {
    suites: suites.filter(name => named.includes(name)),
    include: values.include === undefined ? (values.quick ? quick : /(?:)/) : new RegExp(values.include),
    workers: number(values.workers),
    minutes: number(values.minutes ?? (values.quick ? '30' : '120')),
    keep: values.keep,
    report: values.report,
  };
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a number: ${JSON.stringify(text)}\n${usage}`);
  return value;
}
