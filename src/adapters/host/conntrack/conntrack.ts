// The door to connection tracking by conntrack(8); many deletions are one process where the tool can load a file (1.4.6 on).
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Conntrack, type Flow, type FlowFilter, HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import type { RunResult } from '../../../contracts/host/processes.ts';
import { integer, vetted } from '../names.ts';
import { complaint, type Tools } from '../tools.ts';
import { deleteArgs, matches, parseFlow } from './filter.ts';

export class ConntrackTool implements Conntrack {
  private readonly tools: Tools;
  private loadsFiles = true;

  constructor(tools: Tools) {
    this.tools = tools;
  }

  /** Each deletion goes through the kernel's whole table: of many filters only those are tried that one look has seen flows of. */
  async flush(ns: Netns, filters: readonly FlowFilter[]): Promise<number> {
    vetted('conntrack', () => filters.map(deleteArgs));
    const worth = filters.length > 1 ? await this.matching(ns, filters) : filters;
    const commands = worth.map(deleteArgs);
    if (this.loadsFiles && commands.length > 1) {
      const result = await this.load(ns, commands.map(c => `${c.join(' ')}\n`).join(''));
      if (result.code === 0) return flows(result).length;
      if (!/unrecognized option|invalid option|Bad|unknown/i.test(result.stderr)) throw new HostRefusal('conntrack', complaint(result));
      this.loadsFiles = false;
    }
    let count = 0;
    for (const args of commands) count += flows(await this.one(ns, args)).length;
    return count;
  }

  private async matching(ns: Netns, filters: readonly FlowFilter[]): Promise<readonly FlowFilter[]> {
    const all = flows(await this.one(ns, ['-L']));
    return filters.filter(f => all.some(flow => matches(f, flow)));
  }

  async list(ns: Netns, family: 4 | 6, zone?: number): Promise<readonly Flow[]> {
    const result = await this.one(ns, [
      '-L',
      '-f',
      family === 4 ? 'ipv4' : 'ipv6',
      ...(zone === undefined ? [] : ['-w', vetted('conntrack', () => integer(zone, 0, 65_535))]),
    ]);
    return flows(result);
  }

  /** Through a file: the tool opens /dev/stdin by name, which a socket (what Node's pipes are) does not allow. */
  private async load(ns: Netns, text: string): Promise<RunResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weft-conntrack-'));
    try {
      await writeFile(join(folder, 'commands'), text);
      return await this.tools.tool(ns, ['conntrack', '-R', join(folder, 'commands')]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** "Nothing deleted" is code 1, with a count and no complaint. */
  private async one(ns: Netns, args: readonly string[]): Promise<RunResult> {
    const result = await this.tools.tool(ns, ['conntrack', ...args]);
    if (result.code !== 0 && !/ 0 flow entries have been /.test(result.stderr)) throw new HostRefusal('conntrack', complaint(result));
    return result;
  }
}

const flows = (result: RunResult): Flow[] => result.stdout.split('\n').flatMap(line => parseFlow(line) ?? []);
