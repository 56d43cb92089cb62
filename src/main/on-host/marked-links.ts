// The door to links on the machine's own network: what is made through it bears our mark, and what has a name of ours without it is
// somebody else's, made meanwhile: it is not shown, not taken and not changed.
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { FdbEntry, Link, LinkChange, LinkEvent, Links, Neighbour, Route } from '../../contracts/host/links.ts';
import { hostNetns, type Netns, type Refusal } from '../../contracts/host/netns.ts';
import { notedNamespaces, noteNamespace, type Owner } from './made.ts';
import { isOurNamespace } from './names.ts';

/** Links that agents make and take away by name alone; taps are made by others, too, for ports of ours. */
const guarded = /^(brq|vxlan-)/;

export class MarkedLinks implements Links {
  private readonly inner: Links;
  private readonly owner: Owner;

  constructor(inner: Links, owner: Owner) {
    this.inner = inner;
    this.owner = owner;
  }

  async list(ns: Netns): Promise<readonly Link[]> {
    const links = await this.inner.list(ns);
    return ns === hostNetns ? links.filter(link => !this.isForeign(link)) : links;
  }

  async apply(ns: Netns, batch: readonly LinkChange[]): Promise<readonly Refusal[]> {
    if (ns !== hostNetns || !batch.some(isDelicate)) return this.inner.apply(ns, batch);
    const links = await this.inner.list(ns);
    const taken = new Set(links.filter(link => link.alias !== this.owner.mark).map(link => link.name));
    const foreign = new Set(links.filter(link => this.isForeign(link)).map(link => link.name));
    const refused: Refusal[] = [];
    const steps: { readonly index: number; readonly change: LinkChange }[] = [];
    batch.forEach((change, index) => {
      const name = nameOf(change);
      const bad = change.do === 'add-link' ? taken.has(name) : foreign.has(name);
      if (bad) refused.push({ index, reason: `there is a link ${name} that is not ours` });
      else for (const step of [change, ...this.marks(change)]) steps.push({ index, change: step });
    });
    const answers = await this.inner.apply(
      ns,
      steps.map(step => step.change),
    );
    // A mark on what could not be made fails for the same reason.
    const first = new Map(answers.toReversed().map(({ index, reason }) => [steps[index]?.index ?? 0, reason]));
    return [...refused, ...[...first].map(([index, reason]) => ({ index, reason }))].sort((a, b) => a.index - b.index);
  }

  async namespaces(): Promise<readonly Netns[]> {
    const ours = notedNamespaces(this.owner.namespaces);
    return (await this.inner.namespaces()).filter(name => ours.has(name) || !isOurNamespace(name));
  }

  async addNamespace(ns: Netns): Promise<void> {
    if (!notedNamespaces(this.owner.namespaces).has(ns)) {
      if ((await this.inner.namespaces()).includes(ns)) throw new HostRefusal('ip netns', `there is a namespace ${ns} that is not ours`);
      noteNamespace(this.owner.namespaces, ns);
    }
    await this.inner.addNamespace(ns);
  }

  async delNamespace(ns: Netns): Promise<void> {
    if (notedNamespaces(this.owner.namespaces).has(ns)) await this.inner.delNamespace(ns);
  }

  routes(ns: Netns, family: 4 | 6): Promise<readonly Route[]> {
    return this.inner.routes(ns, family);
  }

  fdb(ns: Netns): Promise<readonly FdbEntry[]> {
    return this.inner.fdb(ns);
  }

  neighbours(ns: Netns): Promise<readonly Neighbour[]> {
    return this.inner.neighbours(ns);
  }

  watch(ns: Netns, onEvent: (e: LinkEvent) => void, onGap: () => void): AsyncDisposable {
    return this.inner.watch(ns, onEvent, onGap);
  }

  announce(ns: Netns, dev: string, ip: string): Promise<void> {
    return this.inner.announce(ns, dev, ip);
  }

  private isForeign({ name, alias }: Link): boolean {
    return guarded.test(name) && alias !== this.owner.mark;
  }

  /** Behind the making, in the same batch. */
  private marks(change: LinkChange): LinkChange[] {
    if (change.do !== 'add-link') return [];
    const { link } = change;
    const ends = link.kind === 'veth' && !link.peerNetns ? [link.name, link.peer] : [link.name];
    return ends.map(name => ({ do: 'set-link', name, alias: this.owner.mark }));
  }
}

function nameOf(change: LinkChange): string {
  if (change.do === 'add-link') return change.link.name;
  if ('name' in change) return change.name;
  return 'dev' in change ? change.dev : (change.route.dev ?? '');
}

const isDelicate = (change: LinkChange): boolean => change.do === 'add-link' || guarded.test(nameOf(change));
