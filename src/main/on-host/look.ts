// What is on the machine that we could add to: looked at before we begin, and again when everything of ours has to go.
import { run, tryRun } from '../sandbox/run.ts';

export type Families = Readonly<Record<'iptables' | 'ip6tables', string>>;

export interface Machine {
  readonly links: readonly string[];
  /** Of links that have one. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly namespaces: readonly string[];
  readonly sets: readonly string[];
  /** nft tables: `ip filter`. */
  readonly tables: readonly string[];
  /** nft chains: `ip filter INPUT`. */
  readonly chains: readonly string[];
  /** The output of `iptables-save` and `ip6tables-save`. */
  readonly rules: Families;
  readonly sysctls: Readonly<Record<string, string>>;
}

/** Settings of the whole machine that agents change. */
export const agentSysctls = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'];

async function lines(argv: readonly string[]): Promise<string[]> {
  const done = await tryRun(argv);
  return done.code === 0 ? done.stdout.split('\n').filter(line => line !== '') : [];
}

/** What `iptables-save` declares, in all tables. */
export function chainsIn(saved: string): string[] {
  return saved.split('\n').flatMap(line => (line.startsWith(':') ? [line.slice(1).split(' ')[0] ?? ''] : []));
}

async function listLinks(): Promise<readonly { readonly ifname: string; readonly ifalias?: string }[]> {
  return JSON.parse(await run(['ip', '-j', 'link', 'show']));
}

export interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Of base chains. */
  readonly hook?: string;
  readonly policy?: string;
}

/** One element of `nft -j list ruleset`, as far as we read it. */
export interface NftItem {
  readonly table?: { readonly family: string; readonly name: string };
  readonly chain?: NftChain;
  readonly rule?: { readonly family: string; readonly table: string; readonly chain: string };
  readonly set?: { readonly family: string; readonly table: string };
  readonly map?: { readonly family: string; readonly table: string };
}

export const chainName = ({ family, table, name }: NftChain): string => `${family} ${table} ${name}`;

export async function listRuleset(): Promise<readonly NftItem[]> {
  const done = await tryRun(['nft', '-j', 'list', 'ruleset']);
  return done.code === 0 && done.stdout !== '' ? (JSON.parse(done.stdout) as { nftables: readonly NftItem[] }).nftables : [];
}

export async function lookAtMachine(): Promise<Machine> {
  const [links, namespaces, sets, nft, v4, v6, settings] = await Promise.all([
    listLinks(),
    lines(['ip', 'netns', 'list']),
    lines(['ipset', 'list', '-n']),
    listRuleset(),
    // iptables-save itself makes no tables; it lists those that are there.
    lines(['iptables-save']),
    lines(['ip6tables-save']),
    lines(['sysctl', '-e', ...agentSysctls]),
  ]);
  return {
    links: links.map(({ ifname }) => ifname),
    aliases: Object.fromEntries(links.flatMap(({ ifname, ifalias }) => (ifalias === undefined ? [] : [[ifname, ifalias]]))),
    namespaces: namespaces.map(line => line.split(' ')[0] ?? ''),
    sets,
    tables: nft.flatMap(({ table }) => (table ? [`${table.family} ${table.name}`] : [])),
    chains: nft.flatMap(({ chain }) => (chain ? [chainName(chain)] : [])),
    rules: { iptables: v4.join('\n'), ip6tables: v6.join('\n') },
    sysctls: Object.fromEntries(settings.map(line => line.split(' = ')).flatMap(([key, value]) => (key && value ? [[key, value]] : []))),
  };
}
