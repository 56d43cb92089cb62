// Flows of a physical bridge: what comes from the integration bridge leaves with its segment's tag, or not at all.
import type { Flow } from '../../../domain/openflow/flow.ts';
import { vlan } from '../../../domain/openflow/match.ts';
import { flowsOf, output, setVlan, type Translation } from './flows-integration.ts';

export function physicalFlows(patch: number, translations: readonly Translation[]): Flow[] {
  return flowsOf([
    [0, 0, {}, [output('normal')]],
    [0, 2, { in_port: patch }, []],
    ...translations.map(
      ({ local, outer }) =>
        [
          0,
          4,
          { in_port: patch, vlan_vid: vlan(local) },
          [outer === null ? ({ do: 'pop_vlan' } as const) : setVlan(outer), output('normal')],
        ] as const,
    ),
  ]);
}
