// TCP's options by os-ken's names.
import type { Bytes } from './bytes.ts';
import type { Layer } from './layers.ts';

interface Kind {
  readonly name: string;
  readonly length: number;
  fields?(b: Bytes): Readonly<Record<string, number>>;
}

const KINDS: Readonly<Record<number, Kind>> = {
  2: { name: 'MaximumSegmentSize', length: 4, fields: b => ({ max_seg_size: b.u16() }) },
  3: { name: 'WindowScale', length: 3, fields: b => ({ shift_cnt: b.u8() }) },
  4: { name: 'SACKPermitted', length: 2 },
  8: { name: 'Timestamps', length: 10, fields: b => ({ ts_val: b.u32(), ts_ecr: b.u32() }) },
};

/** As far as they make sense; null where there are none. */
export function tcpOptions(b: Bytes): readonly Layer[] | null {
  const options: Layer[] = [];
  while (b.left > 0) {
    const kind = b.u8();
    if (kind === 0) {
      options.push({ name: 'TCPOptionEndOfOptionList', fields: { kind, length: 1 } });
      break;
    }
    if (kind === 1) {
      options.push({ name: 'TCPOptionNoOperation', fields: { kind, length: 1 } });
      continue;
    }
    const length = b.left > 0 ? b.u8() : 0;
    if (length < 2 || length - 2 > b.left) break;
    options.push(option(kind, length, b.part(length - 2)));
  }
  return options.length === 0 ? null : options;
}

function option(kind: number, length: number, b: Bytes): Layer {
  const known = KINDS[kind];
  if (known?.length !== length) return { name: 'TCPOptionUnknown', fields: { kind, length } };
  return { name: `TCPOption${known.name}`, fields: { kind, length, ...known.fields?.(b) } };
}
