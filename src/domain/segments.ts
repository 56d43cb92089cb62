// What may be asked for as a network's segments: provider attributes, or a list of several, never both.
import type { ProviderSegment } from '../model/ext/multi-provider.ts';
import { apiError, invalidInput } from './errors.ts';

export interface WantedSegment {
  readonly network_type: string;
  readonly physical_network: string | undefined;
  readonly segmentation_id: number | undefined;
}

/** Undefined: whatever the configuration says. */
export function wantedSegments(input: ProviderSegment & { readonly segments?: readonly ProviderSegment[] }): WantedSegment[] | undefined {
  const { segments } = input;
  const single = providerKeys.some(k => input[k] !== undefined && input[k] !== null);
  if (single && segments !== undefined) throw apiError('SegmentsSetInConjunctionWithProviders');
  if (single) return [wanted(input)];
  if (segments === undefined || segments.length === 0) return undefined;
  const all = segments.map(wanted);
  refuseTwins(all);
  return all;
}

export const providerKeys = ['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'] as const;

function wanted(given: ProviderSegment): WantedSegment {
  const network_type = given['provider:network_type'];
  if (!network_type) throw invalidInput('network_type required');
  return {
    network_type,
    physical_network: given['provider:physical_network'] ?? undefined,
    segmentation_id: given['provider:segmentation_id'] ?? undefined,
  };
}

/** Any number may be left to the server; two that are wholly named must differ. */
function refuseTwins(all: readonly WantedSegment[]): void {
  const seen = new Set<string>();
  for (const s of all) {
    const whole = s.network_type === 'flat' ? s.physical_network !== undefined : s.segmentation_id !== undefined;
    if (!whole) continue;
    const key = JSON.stringify([s.network_type, s.physical_network ?? null, s.segmentation_id ?? null]);
    if (seen.has(key)) throw apiError('SegmentsContainDuplicateEntry');
    seen.add(key);
  }
}

/** At most one segment of a type and a physical network belongs to a network: a host could not tell two apart. */
export function twinOf<S extends { readonly network_type: unknown; readonly physical_network: unknown }>(
  all: readonly S[],
  { network_type, physical_network }: { readonly network_type: string; readonly physical_network: string | null },
): S | undefined {
  if (physical_network === null) return undefined;
  return all.find(s => s.network_type === network_type && s.physical_network === physical_network);
}
