// Actions in ovs-ofctl's words, as `ovs-ofctl dump-flows` prints them.
import type { Action, Ct, Learn, LearnSpec, Nat, Port, Subfield } from './actions.ts';
import { canonicalActions } from './canonical.ts';
import { type FieldName, fieldOf } from './fields.ts';
import type { FieldValue } from './match.ts';
import { hex, valueText } from './match-text.ts';
import { BadFlow, bitsOf, matchBits, ones } from './values.ts';

export interface SubfieldBits {
  readonly field: FieldName;
  readonly offset: number;
  readonly bits: number;
}

/** Throws BadFlow for bits that the field does not have. */
export function subfieldBits(subfield: Subfield): SubfieldBits {
  if (typeof subfield === 'string') return { field: subfield, offset: 0, bits: fieldWidth(subfield) };
  const [first, last] = subfield.bits;
  if (!(Number.isInteger(first) && Number.isInteger(last) && first >= 0 && last >= first && last < fieldWidth(subfield.field)))
    throw new BadFlow(`${subfield.field} has no bits ${first}..${last}`);
  return { field: subfield.field, offset: first, bits: last - first + 1 };
}

/** A tag's "there is one" is not a bit of the field for subfields. */
export const fieldWidth = (name: FieldName): number => (name === 'vlan_vid' ? 12 : fieldOf(name).bits);

export function subfieldText(subfield: Subfield): string {
  const { field, offset, bits } = subfieldBits(subfield);
  const name = fieldOf(field).nxmName;
  if (offset === 0 && bits === fieldWidth(field)) return `${name}[]`;
  return bits === 1 ? `${name}[${offset}]` : `${name}[${offset}..${offset + bits - 1}]`;
}

/** Throws BadFlow. `drop` for none. */
export function actionsText(actions: readonly Action[]): string {
  return actions.length === 0 ? 'drop' : list(canonicalActions(actions));
}

const list = (actions: readonly Action[]): string => actions.map(actionText).join(',');

function portWord(port: Port): string {
  return typeof port === 'number' ? String(port) : port.toUpperCase();
}

function actionText(a: Action): string {
  switch (a.do) {
    case 'output':
      return outputText(a.port, a.max_len);
    case 'output_reg':
      return `output:${subfieldText(a.from)}`;
    case 'resubmit':
      return resubmitText(a);
    case 'group':
      return `group:${a.group}`;
    case 'controller':
      return controllerText(a);
    case 'push_vlan':
      return `push_vlan:0x${a.eth_type.toString(16).padStart(4, '0')}`;
    case 'set_field':
      return setFieldText(a.field, a.value);
    case 'load':
      return `load:${hex(a.value)}->${subfieldText(a.to)}`;
    case 'move':
      return `move:${subfieldText(a.from)}->${subfieldText(a.to)}`;
    case 'push':
    case 'pop':
      return `${a.do}:${subfieldText(a.field)}`;
    case 'learn':
      return learnText(a);
    case 'ct':
      return ctText(a);
    case 'conjunction':
      return `conjunction(${a.id},${a.clause}/${a.of})`;
    case 'set_queue':
      return `set_queue:${a.queue}`;
    case 'note':
      return `note:${(noteBytes(a.bytes).match(/../g) ?? []).join('.')}`;
    case 'clone':
    case 'write_actions':
      return `${a.do}(${list(a.actions)})`;
    case 'meter':
      return `meter:${a.meter}`;
    case 'write_metadata':
      return `write_metadata:${hex(a.value)}${a.mask === undefined || a.mask === ones(64) ? '' : `/${hex(a.mask)}`}`;
    case 'goto_table':
      return `goto_table:${a.table}`;
    case 'opaque':
      return `opaque_${a.kind}:${a.bytes}`;
    case 'pop_vlan':
    case 'ct_clear':
    case 'pop_queue':
    case 'dec_ttl':
    case 'exit':
    case 'clear_actions':
      return a.do;
  }
}

function outputText(port: Port, maxLen: number | undefined): string {
  if (port === 'controller') return `CONTROLLER:${maxLen ?? 65535}`;
  return typeof port === 'number' ? `output:${port}` : portWord(port);
}

function controllerText({ id, max_len, meter }: Extract<Action, { do: 'controller' }>): string {
  const length = max_len === undefined || max_len === 0xffff ? '' : `max_len=${max_len},`;
  return `controller(${length}id=${id}${meter === undefined ? '' : `,meter_id=${meter}`})`;
}

function resubmitText(a: Extract<Action, { do: 'resubmit' }>): string {
  if (a.port !== undefined && a.port !== 'in_port' && a.table === undefined && !a.ct) return `resubmit:${portWord(a.port)}`;
  const port = a.port === undefined || a.port === 'in_port' ? '' : portWord(a.port);
  return `resubmit(${port},${a.table ?? ''}${a.ct ? ',ct' : ''})`;
}

function setFieldText<F extends FieldName>(field: F, value: FieldValue<F>): string {
  const bits = bitsOf(field, value);
  if (field === 'in_port' && bits.value <= 0xffffn) return `set_field:${bits.value}->in_port`;
  return `set_field:${valueText(field, bits)}->${field}`;
}

/** OVS keeps a note's bytes in a message whose length is a multiple of eight. */
export function noteBytes(bytes: string): string {
  if (!/^([0-9a-f]{2})*$/i.test(bytes)) throw new BadFlow(`a note of ${bytes}`);
  const length = bytes.length / 2;
  return bytes.toLowerCase().padEnd(2 * (6 + 8 * Math.max(0, Math.ceil((length - 6) / 8))), '0');
}

function learnText(a: Learn): string {
  const option = (name: string, value: number | undefined): string[] => (value ? [`${name}=${value}`] : []);
  return `learn(${[
    `table=${a.table}`,
    ...option('idle_timeout', a.idle_timeout),
    ...option('hard_timeout', a.hard_timeout),
    ...option('fin_idle_timeout', a.fin_idle_timeout),
    ...option('fin_hard_timeout', a.fin_hard_timeout),
    ...(a.priority === 32_768 ? [] : [`priority=${a.priority}`]),
    ...(a.send_flow_rem ? ['send_flow_rem'] : []),
    ...(a.delete_learned ? ['delete_learned'] : []),
    ...(a.cookie ? [`cookie=${hex(a.cookie)}`] : []),
    ...a.specs.map(specText),
  ].join(',')})`;
}

function specText(spec: LearnSpec): string {
  if ('output' in spec) return `output:${subfieldText(spec.output)}`;
  if ('load' in spec) return `load:${typeof spec.from === 'bigint' ? hex(spec.from) : subfieldText(spec.from)}->${subfieldText(spec.load)}`;
  const to = subfieldText(spec.match);
  if (typeof spec.from !== 'bigint') return to === subfieldText(spec.from) ? to : `${to}=${subfieldText(spec.from)}`;
  const { field, offset, bits } = subfieldBits(spec.match);
  if (offset !== 0 || bits !== fieldWidth(field)) return `${to}=${hex(spec.from)}`;
  return `${field}=${valueText(field, { value: spec.from, mask: ones(matchBits(fieldOf(field))) })}`;
}

function ctText(a: Ct): string {
  const zone = a.zone;
  return `ct(${[
    ...(a.commit ? ['commit'] : []),
    ...(a.force ? ['force'] : []),
    ...(a.table === undefined ? [] : [`table=${a.table}`]),
    ...(zone === undefined || zone === 0 ? [] : [`zone=${typeof zone === 'number' ? zone : subfieldText(zone)}`]),
    ...(a.nat ? [natText(a.nat)] : []),
    ...(a.exec && a.exec.length > 0 ? [`exec(${list(a.exec)})`] : []),
    ...(a.alg ? [`alg=${ALGS[a.alg] ?? a.alg}`] : []),
  ].join(',')})`;
}

const ALGS: Readonly<Record<number, string>> = { 21: 'ftp', 69: 'tftp' };

function natText(nat: Nat): string {
  if (!nat.type) return 'nat';
  const ports = nat.ports ? `:${nat.ports[0]}${nat.ports[1] === nat.ports[0] ? '' : `-${nat.ports[1]}`}` : '';
  const addresses = nat.ports && nat.addresses?.includes(':') ? `[${nat.addresses.replace('-', ']-[')}]` : nat.addresses;
  const words = [...(nat.persistent ? ['persistent'] : []), ...(nat.hash ? ['hash'] : []), ...(nat.random ? ['random'] : [])];
  return `nat(${[`${nat.type}${addresses || ports ? `=${addresses ?? ''}${ports}` : ''}`, ...words].join(',')})`;
}
