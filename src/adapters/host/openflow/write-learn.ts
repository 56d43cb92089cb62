// The learn action onto the wire: a head, and what a learned flow matches, loads and outputs to.
import { subfieldBits } from '../../../domain/openflow/action-text.ts';
import type { Learn, LearnSpec, Subfield } from '../../../domain/openflow/actions.ts';
import { BadFlow } from '../../../domain/openflow/values.ts';
import type { Writer } from './bytes.ts';
import { nicira, number, wide } from './elements.ts';
import { wireSubfield } from './tlv.ts';
import { LEARN, NX } from './wire.ts';

const seconds = (value: number | undefined): number => number('timeout', value ?? 0, 0xffff);

/** Throws BadFlow. */
export function writeLearn(w: Writer, a: Learn): void {
  const flags = (a.send_flow_rem ? LEARN.send_flow_rem : 0) | (a.delete_learned ? LEARN.delete_learned : 0);
  nicira(w, NX.learn, () => {
    w.u16(seconds(a.idle_timeout))
      .u16(seconds(a.hard_timeout))
      .u16(number('priority', a.priority, 0xffff));
    w.u64(wide(a.cookie ?? 0n, 64))
      .u16(flags)
      .u8(number('table', a.table, 254))
      .zeros(1);
    w.u16(seconds(a.fin_idle_timeout)).u16(seconds(a.fin_hard_timeout));
    for (const spec of a.specs) writeSpec(w, spec);
  });
}

function writeSpec(w: Writer, spec: LearnSpec): void {
  if ('output' in spec) {
    const from = wireSubfield(spec.output);
    w.u16(LEARN.to_output | from.bits);
    writePlace(w, spec.output);
    return;
  }
  const to = 'match' in spec ? spec.match : spec.load;
  const bits = subfieldBits(to).bits;
  const kind = 'match' in spec ? LEARN.to_match : LEARN.to_load;
  if (typeof spec.from === 'bigint') {
    w.u16(LEARN.from_value | kind | bits).bits(wide(spec.from, bits), 2 * Math.ceil(bits / 16));
  } else {
    if (subfieldBits(spec.from).bits !== bits) throw new BadFlow(`learn of ${subfieldBits(spec.from).bits} bits to ${bits}`);
    w.u16(kind | bits);
    writePlace(w, spec.from);
  }
  writePlace(w, to);
}

function writePlace(w: Writer, subfield: Subfield): void {
  const s = wireSubfield(subfield);
  w.u32(s.header).u16(s.offset);
}
