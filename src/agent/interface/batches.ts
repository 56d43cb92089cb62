// Batches of changes through the door of links; what is refused comes back in words.
import type { LinkChange, Links } from '../../contracts/host/links.ts';
import type { Problem } from './driver.ts';

/** What is not there any more need not be removed. */
const GONE = /cannot find|no such|cannot assign requested address|does not exist|not found/i;

export async function applyAll(links: Links, netns: string, batch: readonly LinkChange[]): Promise<Problem[]> {
  if (batch.length === 0) return [];
  const refused = await links.apply(netns, batch);
  return refused.map(({ index, reason }) => {
    const change = batch[index];
    const device = change && deviceOf(change);
    return { what: `${describe(change)}: ${reason}`, ...(device === undefined ? {} : { device }) };
  });
}

function deviceOf(change: LinkChange): string | undefined {
  if (change.do === 'add-link') return change.link.name;
  if (change.do === 'set-link') return change.name;
  return change.do === 'add-address' ? change.dev : undefined;
}

/** Throws when something cannot be removed: what would come next may rest on its being gone. */
export async function applyRemovals(links: Links, netns: string, batch: readonly LinkChange[]): Promise<void> {
  if (batch.length === 0) return;
  const refused = (await links.apply(netns, batch)).filter(r => !GONE.test(r.reason));
  const [first] = refused;
  if (first) throw new Error(`${describe(batch[first.index])}: ${first.reason}`);
}

function describe(change: LinkChange | undefined): string {
  if (!change) return 'change';
  switch (change.do) {
    case 'add-link':
      return `add ${change.link.name}`;
    case 'add-address':
    case 'del-address':
      return `${change.do} ${change.cidr} on ${change.dev}`;
    case 'replace-route':
    case 'del-route':
      return `${change.do} ${change.route.dst} via ${change.route.via ?? change.route.dev ?? '?'}`;
    case 'del-link':
    case 'set-link':
    case 'set-bridge-port':
      return `${change.do} ${change.name}`;
    default:
      return change.do;
  }
}
