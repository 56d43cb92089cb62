// The command line of `npm run conformance -- …`.
import { parseArgs } from 'node:util';

export const suites = ['tempest', 'neutron-tempest-plugin', 'answers', 'pairs'] as const;
export type Suite = (typeof suites)[number];
/** Those that need no other server. */
const alone: readonly Suite[] = ['tempest', 'neutron-tempest-plugin', 'answers'];

export interface Options {
  readonly suites: readonly Suite[];
  readonly include: RegExp;
  readonly workers: number;
  readonly minutes: number;
  readonly keep: boolean;
  readonly report: string | undefined;
  readonly pairs: Pairs | undefined;
  /** Sequences that `pairs` has recorded, instead of those that come with Weft. */
  readonly recorded: string | undefined;
}

/** New sequences, and the real server beside which they are run. */
export interface Pairs {
  readonly network: string;
  readonly identity: string;
  readonly seeds: readonly number[];
  readonly length: number;
  /** Where the peer's answers are kept. */
  readonly record: string | undefined;
}

/** What CI has the time for: the recorded answers, and the classes that say most for their time. */
const quick = new RegExp(
  [
    'tempest\\.api\\.network\\.(test_(networks|ports|routers|floating_ips|security_groups|tags|versions|extensions)\\.\\w*(?<!IpV6)(?<!IPv6)Test',
    'test_networks_negative|test_security_groups_negative|test_allowed_address_pair\\.AllowedAddressPairTest)',
  ].join('|'),
);

export const usage = `usage: npm run conformance -- [--quick] [--suite ${suites.join('|')} …] [--include REGEX] [--workers N] [--minutes N] [--report FILE] [--keep]
       npm run conformance -- --suite pairs --peer URL --peer-auth URL --seeds A-B [--ops N] [--record FILE]
       npm run conformance -- --suite answers --recorded FILE`;

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
      peer: { type: 'string' },
      'peer-auth': { type: 'string' },
      seeds: { type: 'string' },
      ops: { type: 'string', default: '120' },
      record: { type: 'string' },
      recorded: { type: 'string' },
    },
  });
  const named = values.suite ?? (values.quick ? ['tempest', 'answers'] : alone);
  const unknown = named.find(name => !(suites as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`there is no suite ${JSON.stringify(unknown)}\n${usage}`);
  return {
    suites: suites.filter(name => named.includes(name)),
    include: values.include === undefined ? (values.quick ? quick : /(?:)/) : new RegExp(values.include),
    workers: number(values.workers),
    minutes: number(values.minutes ?? (values.quick ? '30' : '120')),
    keep: values.keep,
    report: values.report,
    recorded: values.recorded,
    pairs: named.includes('pairs') ? pairsOf(values) : undefined,
  };
}

interface PairValues {
  readonly peer?: string | undefined;
  readonly 'peer-auth'?: string | undefined;
  readonly seeds?: string | undefined;
  readonly ops: string;
  readonly record?: string | undefined;
}

function pairsOf({ peer, 'peer-auth': identity, seeds, ops, record }: PairValues): Pairs {
  if (!peer || !identity || !seeds) throw new Error(`the suite pairs needs --peer, --peer-auth and --seeds\n${usage}`);
  return { network: peer.replace(/\/$/, ''), identity: identity.replace(/\/$/, ''), seeds: seedsOf(seeds), length: number(ops), record };
}

/** `7`, `1-20`, `1-20,31`. */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap(part => {
    const [from = 0, to = from] = part.split('-').map(number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a number: ${JSON.stringify(text)}\n${usage}`);
  return value;
}
