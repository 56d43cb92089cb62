// Changes as one bundle (OpenFlow 1.4 §7.3.9): all are added, a barrier tells which were refused, and only then is the bundle committed.
import { OpenflowRefusal, type TableChange } from '../../../contracts/host/openflow.ts';
import { flowText, identityText } from '../../../domain/openflow/identity.ts';
import { BadFlow } from '../../../domain/openflow/values.ts';
import { Writer } from './bytes.ts';
import type { Conversation } from './conversation.ts';
import { type Body, changeBody, writeMessage } from './messages.ts';
import { BUNDLE, BUNDLE_FLAGS, MESSAGE } from './wire.ts';

export async function applyBundle(talk: Conversation, changes: readonly TableChange[]): Promise<void> {
  if (changes.length === 0) return;
  const first = talk.numbers(changes.length + 2);
  const id = first;
  const w = new Writer(4096 + 160 * changes.length);
  writeMessage(w, control(id, BUNDLE.open), first);
  for (const [index, change] of changes.entries()) writeChange(w, id, first + 1 + index, change, index);
  const refused = new Map<number, string>();
  using _ = talk.batch(w.done(), first, changes.length + 1, (number, code) => {
    if (!refused.has(number)) refused.set(number, code);
  });
  await talk.ask({ type: MESSAGE.barrier_request, write: () => {} }, first + changes.length + 1);
  if (refused.size > 0) await discard(talk, id);
  else await commit(talk, id, refused);
  const [number, code] = [...refused].sort(([a], [b]) => a - b)[0] ?? [];
  if (number !== undefined && code !== undefined) throw refusal(number - 1, code, changes);
}

/** A commit that fails names the change by an error of its own before it fails itself. */
async function commit(talk: Conversation, id: number, refused: ReadonlyMap<number, string>): Promise<void> {
  try {
    await talk.ask(control(id, BUNDLE.commit));
  } catch (error) {
    if (!(error instanceof OpenflowRefusal) || refused.size === 0) throw error;
  }
}

async function discard(talk: Conversation, id: number): Promise<void> {
  try {
    await talk.ask(control(id, BUNDLE.discard));
  } catch (error) {
    // it was not opened, or is gone already
    if (!(error instanceof OpenflowRefusal)) throw error;
  }
}

const control = (id: number, type: number): Body => ({
  type: MESSAGE.bundle_control,
  write: w => w.u32(id).u16(type).u16(BUNDLE_FLAGS),
});

function writeChange(w: Writer, id: number, xid: number, change: TableChange, index: number): void {
  try {
    const inner = changeBody(change);
    writeMessage(w, { type: MESSAGE.bundle_add, write: b => writeMessage(b.u32(id).u16(0).u16(BUNDLE_FLAGS), inner, xid) }, xid);
  } catch (error) {
    if (error instanceof BadFlow) throw badChange(error, change, index);
    throw error;
  }
}

function refusal(index: number, code: string, changes: readonly TableChange[]): OpenflowRefusal {
  const change = changes[index];
  return change ? new OpenflowRefusal(code, `${code}: ${changeText(change)}`, index) : new OpenflowRefusal(code, `${code} of the bundle`);
}

/** What is refused before it is sent, in the same words by the switch's door and by the simulator. */
export const badChange = (error: BadFlow, change: TableChange, index: number): OpenflowRefusal =>
  new OpenflowRefusal('BAD_FLOW', `${error.message}: ${changeText(change)}`, index);

/** The change in ovs-ofctl's words, as far as it can be said in them. */
export function changeText(change: TableChange): string {
  try {
    switch (change.do) {
      case 'add':
      case 'modify':
        return `${change.do} ${flowText(change.flow)}`;
      case 'delete':
        return `delete ${identityText(change.flow)}`;
      case 'delete-all':
        return `delete all of ${change.where.table === undefined ? 'every table' : `table=${change.where.table}`}`;
      case 'delete-group':
        return `delete group_id=${change.id}`;
      default:
        return `${change.do} group_id=${change.group.id}, type=${change.group.type}`;
    }
  } catch (error) {
    if (!(error instanceof BadFlow)) throw error;
    const { flow } = change as Extract<TableChange, { do: 'add' | 'modify' | 'delete' }>;
    return `${change.do} table=${flow.table}, priority=${flow.priority}`;
  }
}
