// The `<collection>_links` of a page: present whenever a limit was given.
import type { Page } from '../list.ts';
import type { ApiRequest } from './request.ts';

interface Link {
  readonly rel: 'next' | 'previous';
  readonly href: string;
}

export function pageLinks(request: ApiRequest, plural: string, ids: readonly string[], page: Page): Record<string, Link[]> {
  const links: Link[] = [];
  if (page.next) links.push({ rel: 'next', href: href(request, ids.at(-1), false) });
  if (page.previous) links.push({ rel: 'previous', href: href(request, ids[0], true) });
  return links.length > 0 ? { [`${plural}_links`]: links } : {};
}

function href(request: ApiRequest, marker: string | undefined, reverse: boolean): string {
  const query = new URLSearchParams(request.query.filter(([k]) => k !== 'marker' && k !== 'page_reverse') as [string, string][]);
  if (marker !== undefined) query.append('marker', marker);
  if (reverse) query.append('page_reverse', 'True');
  return `${request.origin}${request.rawPath}?${query.toString()}`;
}
