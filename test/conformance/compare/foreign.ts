// A recorded server had objects of others, and a list that is not asked for one project shows them. What the requests have made has to be there
// on both sides, and Weft, which has nothing else, may show nothing that the recorded server does not.
import type { Json, RecordedRequest } from '../recorded.ts';
import { canonical, idOf, isList, isMembers, type Members } from './json.ts';

/** The recorded answer without what is others'. */
export function withoutForeign(request: RecordedRequest, recorded: Json, seen: Json): Json {
  if (request.method !== 'GET' || /[?&]project_id=/.test(request.path) || !isMembers(recorded) || !isMembers(seen)) return recorded;
  return Object.fromEntries(
    Object.entries(recorded).map(([key, value]) => {
      const other = seen[key];
      return [key, isList(value) && isList(other) ? own(value, other) : value];
    }),
  );
}

function own(recorded: readonly Json[], seen: readonly Json[]): readonly Json[] {
  const wanted = Map.groupBy(seen, canonical);
  return recorded.filter(value => {
    if (!isMembers(value)) return true;
    const whose = ownerOf(value);
    if (whose !== undefined) return whose;
    // Neither id nor project says whose it is: it counts where Weft has the same.
    return (wanted.get(canonical(value))?.pop() ?? undefined) !== undefined;
  });
}

/** Undefined: it cannot be seen. */
function ownerOf(value: Members): boolean | undefined {
  const [id, project] = [idOf(value), value['project_id'] ?? value['tenant_id']];
  if (typeof id === 'string' && id !== '<id>') return true;
  if (project === '<id>') return false;
  // The port of a floating IP is nobody's; but it says whose floating IP it is.
  if (/"<(?!ip[46]>)[a-z_]+\d+>"/.test(JSON.stringify(value))) return true;
  return project === '<P1>' || project === '<P2>' ? true : undefined;
}
