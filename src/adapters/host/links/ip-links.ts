// The door to links by iproute2: JSON for reads, one batch process for writes, one monitor per watched namespace.
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { FdbEntry, Link, LinkChange, LinkEvent, Links, Neighbour, Route } from '../../../contracts/host/links.ts';
import type { Netns, Refusal } from '../../../contracts/host/netns.ts';
import { netns, vetted } from '../names.ts';
import { complaint, type Tools } from '../tools.ts';
import { Announcer } from './announce.ts';
import { plan, refusals, type Segment } from './batch.ts';
import { LinkMonitor } from './monitor.ts';
import { parseFdb, parseLinks, parseNamespaces, parseNeighbours, parseRoutes } from './parse.ts';

export class IpLinks implements Links {
  private readonly tools: Tools;
  private readonly announcer: Announcer;
  private readonly monitors = new Map<LinkMonitor, Netns>();

  constructor(tools: Tools) {
    this.tools = tools;
    this.announcer = new Announcer(tools);
  }

  async list(ns: Netns): Promise<readonly Link[]> {
    return parseLinks(await this.read(ns, 'ip', ['-j', '-d', 'addr', 'show']));
  }

  async routes(ns: Netns, family: 4 | 6): Promise<readonly Route[]> {
    return parseRoutes(await this.read(ns, 'ip', ['-j', '-d', `-${family}`, 'route', 'show', 'table', 'all']), family);
  }

  async fdb(ns: Netns): Promise<readonly FdbEntry[]> {
    return parseFdb(await this.read(ns, 'bridge', ['-j', 'fdb', 'show']));
  }

  async neighbours(ns: Netns): Promise<readonly Neighbour[]> {
    return parseNeighbours(await this.read(ns, 'ip', ['-j', 'neigh', 'show']));
  }

  async apply(ns: Netns, batch: readonly LinkChange[]): Promise<readonly Refusal[]> {
    const { segments, refused } = plan(batch);
    const all = [...refused];
    for (const segment of segments) all.push(...(await this.runSegment(ns, segment)));
    return all.sort((a, b) => a.index - b.index);
  }

  async namespaces(): Promise<readonly Netns[]> {
    return parseNamespaces(await this.read('', 'ip', ['-j', 'netns', 'list']));
  }

  async addNamespace(ns: Netns): Promise<void> {
    const made = await this.tools.tool('', ['ip', 'netns', 'add', named(ns)]);
    const there = /File exists/.test(made.stderr);
    if (made.code !== 0 && !there) throw new HostRefusal('ip netns', complaint(made));
    const [refusal] = await this.apply(ns, [{ do: 'set-link', name: 'lo', up: true }]);
    if (!refusal) return;
    if (!there || !/Invalid argument/.test(refusal.reason)) throw new HostRefusal('ip', refusal.reason);
    // a name without a namespace behind it: what a power cut between two steps of ip(8) leaves
    await this.delNamespace(ns);
    await this.addNamespace(ns);
  }

  async delNamespace(ns: Netns): Promise<void> {
    for (const [monitor, watched] of this.monitors) if (watched === ns) monitor.interrupt();
    this.announcer.end(ns);
    const gone = await this.tools.tool('', ['ip', 'netns', 'del', named(ns)]);
    if (gone.code !== 0 && !/No such file or directory/.test(gone.stderr)) throw new HostRefusal('ip netns', complaint(gone));
  }

  watch(ns: Netns, onEvent: (e: LinkEvent) => void, onGap: () => void): AsyncDisposable {
    if (ns !== '') named(ns);
    const monitor = new LinkMonitor({ tools: this.tools, ns, list: () => this.list(ns), onEvent, onGap });
    this.monitors.set(monitor, ns);
    return {
      [Symbol.asyncDispose]: async () => {
        this.monitors.delete(monitor);
        await monitor[Symbol.asyncDispose]();
      },
    };
  }

  announce(ns: Netns, dev: string, ip: string): Promise<void> {
    return this.announcer.announce(ns, dev, ip);
  }

  private async runSegment(ns: Netns, segment: Segment): Promise<Refusal[]> {
    const input = segment.lines.map(l => `${l.text}\n`).join('');
    const result = await this.tools.tool('', [...tool(segment.tool, ns), '-force', '-batch', '-'], { input });
    return refusals(segment.lines, result.code, result.stderr);
  }

  /** A dump that changed under the tool's hands is read again. */
  private async read(ns: Netns, name: 'ip' | 'bridge', args: readonly string[]): Promise<string> {
    for (let tries = 0; ; tries++) {
      const result = await this.tools.tool('', [...tool(name, ns), ...args]);
      if (result.code !== 0) throw new HostRefusal(name, complaint(result));
      if (tries === 4 || !/Dump was interrupted/.test(result.stderr)) return result.stdout;
    }
  }
}

const tool = (name: 'ip' | 'bridge', ns: Netns): readonly string[] => (ns === '' ? [name] : [name, '-n', named(ns)]);

const named = (ns: Netns): string => vetted('ip netns', () => netns(ns));
