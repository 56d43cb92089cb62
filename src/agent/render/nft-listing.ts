// Reads `nft list table` back into the value that the bridge table is compared as.
import { type BridgeTable, type Cut, cutElement, cutSets } from './nft-bridge.ts';

export function parseBridgeTable(listing: string): BridgeTable {
  const elements = (set: string): string[] => elementsOf(listing, set);
  const names = (set: string): Set<string> => new Set(elements(set).map(unquote));
  const guarded = elements('guarded').flatMap(e => {
    const match = /^"?([^"\s]+)"?\s*:\s*goto\s+(\S+)$/.exec(e);
    return match?.[1] && match[2] ? [[match[1], match[2]] as const] : [];
  });
  const cuts = cutSets.flatMap(set => elements(set).flatMap(e => parseCut(set, e)));
  return {
    layout: /^\tchain (layout-[0-9a-f]{16}) \{/m.exec(listing)?.[1] ?? '',
    admitted: names('admitted'),
    foreign: names('foreign'),
    nohost: names('nohost'),
    wires: names('wires'),
    guarded: new Map(guarded),
    cuts: new Map(cuts.map(c => [cutElement(c), c])),
  };
}

function parseCut(set: (typeof cutSets)[number], element: string): Cut[] {
  const match = /^"([^"]+)" \. (\S+) \. ([0-9]+) \. (\S+) \. ([0-9]+) .*comment "(ingress|egress)"/.exec(element);
  if (!match) return [];
  const [, device = '', src = '', srcPort, dst = '', dstPort, began] = match;
  return [
    {
      family: set[3] === '4' ? 4 : 6,
      way: set.endsWith('from') ? 'from' : 'to',
      began: began === 'egress' ? 'egress' : 'ingress',
      device,
      src,
      srcPort: Number(srcPort),
      dst,
      dstPort: Number(dstPort),
    },
  ];
}

const unquote = (text: string): string => text.replace(/^"|"$/g, '');

/** The elements of one set or map; a long list is wrapped over lines, at its commas. */
function elementsOf(listing: string, set: string): string[] {
  const start = new RegExp(`^\\t(?:set|map) ${set} \\{$`, 'm').exec(listing);
  if (!start) return [];
  const body = listing.slice(start.index, listing.indexOf('\n\t}', start.index));
  const open = body.indexOf('elements = {');
  if (open < 0) return [];
  return body
    .slice(open + 'elements = {'.length, body.lastIndexOf('}'))
    .split(',')
    .map(e => e.trim().replace(/\s+/g, ' '))
    .filter(e => e !== '');
}
