// The door to nftables by `nft -f -`: one script, one transaction.
import { HostRefusal, type Nft } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { nftTable, vetted } from '../names.ts';
import { complaint, type Tools } from '../tools.ts';

export class NftTool implements Nft {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async apply(ns: Netns, script: string): Promise<void> {
    const result = await this.tools.tool(ns, ['nft', '-f', '-'], { input: script });
    if (result.code === 0) return;
    const words = complaint(result);
    const line = /^\S+?:(\d+):\d+-\d+: Error: /m.exec(result.stderr)?.[1];
    throw new HostRefusal('nft', words, line === undefined ? undefined : Number(line));
  }

  async listTable(ns: Netns, family: Parameters<Nft['listTable']>[1], table: string): Promise<string | undefined> {
    const name = vetted('nft', () => nftTable(table));
    const result = await this.tools.tool(ns, ['nft', 'list', 'table', family, name]);
    if (result.code === 0) return result.stdout;
    if (/No such file or directory/.test(result.stderr)) return undefined;
    throw new HostRefusal('nft', complaint(result));
  }
}
