// The door to ipset by its save and restore commands.
import { HostRefusal, type IpSets } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { complaint, type Tools } from '../tools.ts';

type Sets = Awaited<ReturnType<IpSets['list']>>;

export class IpsetTool implements IpSets {
  private readonly tools: Tools;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async list(ns: Netns): Promise<Sets> {
    const result = await this.tools.tool(ns, ['ipset', 'save']);
    if (result.code !== 0) throw new HostRefusal('ipset', complaint(result));
    return parseSets(result.stdout);
  }

  async restore(ns: Netns, text: string): Promise<void> {
    const result = await this.tools.tool(ns, ['ipset', 'restore', '-exist'], { input: text });
    if (result.code === 0) return;
    const words = complaint(result);
    const line = /Error in line (\d+)/.exec(words)?.[1];
    throw new HostRefusal('ipset', words, line === undefined ? undefined : Number(line));
  }
}

/** The text of `ipset save`: `create NAME TYPE family inet …` and `add NAME MEMBER …`. */
export function parseSets(text: string): Sets {
  const sets = new Map<string, { type: string; family: 4 | 6; members: string[] }>();
  for (const line of text.split('\n')) {
    const [verb, name = '', third = '', ...options] = line.split(' ');
    if (verb === 'create') sets.set(name, { type: third, family: options[options.indexOf('family') + 1] === 'inet6' ? 6 : 4, members: [] });
    else if (verb === 'add') sets.get(name)?.members.push(third);
  }
  return sets;
}
