// Placeholders in the domains of networks, ports and floating IPs: whoever names a port stands for them.
import { isDnsLabel } from '../input/dns.ts';

/** Who gave a name, as far as domains may speak of it. */
export interface NamedBy {
  readonly project_id: string | null;
  readonly project_name: string | null;
  readonly user_id: string | null;
  readonly user_name: string | null;
}

const placeholder = /^<(project_id|project_name|user_id|user_name)>$/;

/**
 * The domain with values for its placeholders. Undefined: one of them has no value, or one that is no single label. A project that is called
 * `a.b` must not get into the domain of one that is called `b`.
 */
export function domainFor(domain: string, by: NamedBy | undefined): string | undefined {
  const labels = domain.split('.').map(label => {
    const keyword = placeholder.exec(label)?.[1] as keyof NamedBy | undefined;
    if (keyword === undefined) return label;
    const value = by?.[keyword]?.toLowerCase();
    return value !== undefined && isDnsLabel(value) ? value : undefined;
  });
  return labels.includes(undefined) ? undefined : labels.join('.');
}
