// The door to iptables and ip6tables by their save and restore tools; whichever backend the host has.
import { HostRefusal, type Iptables } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { complaint, type Tools } from '../tools.ts';

export class IptablesTools implements Iptables {
  private readonly tools: Tools;
  private readonly found = new Map<string, Promise<string>>();

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async save(ns: Netns, family: 4 | 6, table?: string): Promise<string> {
    const tool = await this.find(family, 'save');
    const result = await this.tools.tool(ns, table === undefined ? [tool] : [tool, '-t', table]);
    if (result.code !== 0) throw new HostRefusal(tool, complaint(result));
    return result.stdout;
  }

  async restore(ns: Netns, family: 4 | 6, text: string): Promise<void> {
    const tool = await this.find(family, 'restore');
    const result = await this.tools.tool(ns, [tool, '--noflush', '-w'], { input: text });
    if (result.code === 0) return;
    const words = complaint(result);
    const line = /line[: ]+(\d+)/.exec(words)?.[1];
    throw new HostRefusal(tool, words, line === undefined ? undefined : Number(line));
  }

  /** A host may carry only the nft variants, under their own names. */
  private find(family: 4 | 6, verb: 'save' | 'restore'): Promise<string> {
    const stem = family === 4 ? 'iptables' : 'ip6tables';
    const name = `${stem}-${verb}`;
    const known = this.found.get(name) ?? this.firstThatRuns([name, `${stem}-nft-${verb}`]);
    this.found.set(name, known);
    known.catch(() => this.found.delete(name));
    return known;
  }

  private async firstThatRuns(names: readonly string[]): Promise<string> {
    for (const name of names) {
      const there = await this.tools.tool('', [name, '--version']).then(
        r => r.code === 0,
        () => false,
      );
      if (there) return name;
    }
    throw new HostRefusal(names[0] ?? 'iptables', 'not installed');
  }
}
