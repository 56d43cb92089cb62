// What is counted beside what is there, and segment ids that are taken beside segments.
import type { Guard, Predicate, Row, Scalar } from '../../contracts/store.ts';
import { resources } from '../../model/registry.ts';
import type { Finding, Repair, Tables } from './finding.ts';

const usages = 'quota_usages';

/** Usages of quotas that are not as many as the rows. */
export async function miscounted(all: Tables): Promise<Finding[]> {
  const found: Finding[] = [];
  const counted = Map.groupBy(await all(usages), c => c.resource);
  for (const { name, quota, table } of resources) {
    if (quota === undefined) continue;
    const there = Map.groupBy(await all(table.name), r => String(r.project_id ?? ''));
    const own = new Map((counted.get(name) ?? []).map(c => [String(c.project_id), Number(c.in_use)]));
    for (const project of new Set([...there.keys(), ...own.keys()].filter(p => p !== ''))) {
      const [is, says] = [there.get(project)?.length ?? 0, own.get(project)];
      if (is === (says ?? 0)) continue;
      const what = `${says ?? 0} ${name} of ${project} are counted, ${is} are there`;
      found.push({ check: 'quotas', what, repair: recount(name, project, is, says) });
    }
  }
  return found;
}

/** As long as the count is as it was read: whoever makes or deletes one changes it with that. */
function recount(resource: string, project_id: string, in_use: number, says: number | undefined): Repair {
  const key: readonly Predicate[] = [{ eq: ['project_id', project_id] }, { eq: ['resource', resource] }];
  const guard: Guard =
    says === undefined
      ? { guard: 'absent', table: usages, where: { and: key } }
      : { guard: 'present', table: usages, where: { and: [...key, { eq: ['in_use', says] }] } };
  return {
    how: `count ${in_use} ${resource} of ${project_id}`,
    writes: { guards: [guard], ops: [{ op: 'upsert', table: usages, row: { project_id, resource, in_use } }] },
  };
}

const taken = 'segment_allocations';
/** Flat segments have no number, and are taken as 0; local ones are nobody's to take. */
const nameOf = (r: Row): string => [r.network_type, r.physical_network ?? '', r.segmentation_id ?? 0, r.network_id].join(' ');

/** What a segment is on is taken, and what is taken is on a segment. */
export async function segmentIds(all: Tables): Promise<Finding[]> {
  const segments = new Map((await all('segments')).filter(s => s.network_type !== 'local').map(s => [nameOf(s), s]));
  const rows = new Map((await all(taken)).map(r => [nameOf(r), r]));
  const check = 'segments';
  return [
    ...[...segments]
      .filter(([name]) => !rows.has(name))
      .map(([name, s]) => ({ check, what: `segment ${name} is not taken`, repair: take(s) })),
    ...[...rows]
      .filter(([name]) => !segments.has(name))
      .map(([name, r]) => ({ check, what: `${name} is taken by no segment`, repair: free(r) })),
  ];
}

function take({ id, network_type, physical_network, segmentation_id, network_id }: Row): Repair {
  const row = { network_type, physical_network: physical_network ?? '', segmentation_id: segmentation_id ?? 0, network_id } as Row;
  return {
    how: `take ${nameOf(row)}, unless another network has it`,
    writes: {
      guards: [{ guard: 'present', table: 'segments', where: { eq: ['id', id as Scalar] } }],
      ops: [{ op: 'insert', table: taken, row, tag: 'taken' }],
    },
  };
}

function free({ network_type, physical_network, segmentation_id, network_id }: Row): Repair {
  const eq = (name: string, value: unknown): Predicate => ({ eq: [name, value as Scalar] });
  const same = [eq('network_type', network_type), eq('network_id', network_id)];
  const row = [...same, eq('segmentation_id', segmentation_id), eq('physical_network', physical_network)];
  const number = eq('segmentation_id', network_type === 'flat' ? null : segmentation_id);
  const onSegment = { and: [...same, number, eq('physical_network', physical_network === '' ? null : physical_network)] };
  return {
    how: `give ${network_type} ${segmentation_id} of ${network_id} back`,
    writes: {
      guards: [{ guard: 'absent', table: 'segments', where: onSegment }],
      ops: [{ op: 'delete', table: taken, where: { and: row }, expect: 1 }],
    },
  };
}
