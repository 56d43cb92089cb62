// Simulated nftables: whole scripts as transactions on tables, sets, maps and chains. Rule text is kept, not judged.
import { HostRefusal, type Nft } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { nftTable, vetted } from '../names.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { NftError, parseScript } from './sim-parse.ts';
import { copyRuleset, dangling, execute, printTable, type SimRuleset } from './sim-ruleset.ts';

export class SimNft implements Nft {
  private readonly open: (ns: Netns) => void;
  private readonly all = new Map<Netns, SimRuleset>();
  private readonly failures = new Failures<'apply' | 'listTable'>();
  /** Every script that was taken, for tests that count them. */
  readonly applied: { readonly ns: Netns; readonly script: string }[] = [];

  constructor(open: (ns: Netns) => void) {
    this.open = open;
  }

  failNext(what: 'apply' | 'listTable', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  async apply(ns: Netns, script: string): Promise<void> {
    this.check('apply', ns);
    const next = copyRuleset(this.all.get(ns) ?? new Map());
    try {
      for (const s of parseScript(script)) execute(next, s);
    } catch (error) {
      if (error instanceof NftError) throw new HostRefusal('nft', `/dev/stdin:${error.line}:1-1: Error: ${error.message}`, error.line);
      throw error;
    }
    const left = dangling(next);
    if (left !== undefined) throw new HostRefusal('nft', `Error: ${left}`);
    this.all.set(ns, next);
    this.applied.push({ ns, script });
  }

  async listTable(ns: Netns, family: Parameters<Nft['listTable']>[1], table: string): Promise<string | undefined> {
    this.check('listTable', ns);
    const name = `${family} ${vetted('nft', () => nftTable(table))}`;
    const found = this.all.get(ns)?.get(name);
    return found && printTable(name, found);
  }

  forget(ns: Netns): void {
    this.all.delete(ns);
  }

  private check(what: 'apply' | 'listTable', ns: Netns): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('nft', failure);
    this.open(ns);
  }
}
