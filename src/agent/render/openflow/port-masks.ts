// A range of ports as the fewest values under masks: a flow matches no ranges.
import type { Masked } from '../../../domain/openflow/match.ts';
import type { PortRange } from '../security-rules.ts';

const ALL = 0xffff;

/** Ascending, without overlap: at most 30. A whole port is a number. */
export function portMasks({ min, max }: PortRange): (number | Masked<number>)[] {
  const out: (number | Masked<number>)[] = [];
  for (let from = min; from <= max; ) {
    let size = 1;
    while (from % (size * 2) === 0 && from + size * 2 - 1 <= max && size <= ALL) size *= 2;
    out.push(size === 1 ? from : { value: from, mask: ALL & ~(size - 1) });
    from += size;
  }
  return out;
}
