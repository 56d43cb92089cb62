// What the server says of logs, read into typed values: answers to `get_sg_log_info_for_port` and `…_for_log_resources`.
import { isUuid } from '../l2/wire.ts';
import { BadRule, compileRule, type Rule } from '../render/security-rules.ts';

/** One log, as far as it is about one port. */
export interface PortLog {
  readonly id: string;
  readonly projectId: string;
  readonly accepted: boolean;
  readonly dropped: boolean;
  /** Of the groups that the log is about. */
  readonly rules: readonly Rule[];
}

type Raw = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Port → its logs, of one answer. What makes no sense is left out: nobody is kept from anything by a log. */
export function parseLogs(wire: unknown): Map<string, PortLog[]> {
  const found = new Map<string, PortLog[]>();
  for (const item of list(wire)) {
    if (!isRecord(item) || !isUuid(item['id'])) continue;
    const { id, event, project_id } = item;
    const all = event === 'ALL';
    for (const port of list(item['ports_log'])) {
      if (!isRecord(port) || !isUuid(port['port_id'])) continue;
      const logs = found.get(port['port_id']) ?? [];
      logs.push({
        id,
        projectId: typeof project_id === 'string' ? project_id : '',
        accepted: all || event === 'ACCEPT',
        dropped: all || event === 'DROP',
        rules: list(port['security_group_rules']).flatMap(ruleOf),
      });
      found.set(port['port_id'], logs);
    }
  }
  return found;
}

function ruleOf(wire: unknown): Rule[] {
  try {
    return isRecord(wire) ? [compileRule(wire)] : [];
  } catch (error) {
    if (error instanceof BadRule) return [];
    throw error;
  }
}
