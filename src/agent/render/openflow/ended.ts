// Which connections the switch is to forget after rules, members or addresses changed.
import { type FlowView, judgeFlows, type TrackedFlow } from '../security-flows.ts';

/**
 * Those that are not permitted any more, and those with a mark that are permitted again. TCP that its port's rules deny stays known: the
 * next packet of the side that began marks it, whereas a connection that is forgotten would be taken up in the middle, from either side.
 */
export function endedConnections<T extends TrackedFlow & { readonly mark: number }>(connections: readonly T[], view: FlowView): T[] {
  return connections.filter(c => {
    const { end, cut } = judgeFlows([c], view);
    if (cut.length > 0) return false;
    return end.length > 0 || c.mark !== 0;
  });
}
