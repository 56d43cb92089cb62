// The `<collection>_links` of a page: present whenever a limit was given.
import type { ListAnswer } from '../pipeline.ts';
import type { ApiRequest } from './request.ts';

interface Link {
  readonly rel: 'next' | 'previous';
  readonly href: string;
}

export function pageLinks(request: ApiRequest, plural: string, page: ListAnswer): Record<string, Link[]> {
  const links: Link[] = [];
  if (page.next) links.push({ rel: 'next', href: href(request, page.keys.at(-1), false) });
  if (page.previous) links.push({ rel: 'previous', href: href(request, page.keys[0], true) });
  return links.length > 0 ? { [`${plural}_links`]: links } : {};
}

function href(request: ApiRequest, marker: string | undefined, reverse: boolean): string {
  const query = request.query.filter(([k]) => k !== 'marker' && k !== 'page_reverse');
  if (marker !== undefined) query.push(['marker', marker]);
  if (reverse) query.push(['page_reverse', 'True']);
  return `${request.base()}${request.rawPath}?${query.map(([k, v]) => `${quoted(k)}=${quoted(v)}`).join('&')}`;
}

/** As Neutron writes a query: a space is `+`, and nothing but letters, digits and `_.-~` is as it was. */
function quoted(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
