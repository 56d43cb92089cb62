// Flows that are the same values again as long as what they are made from is the same: then nobody need spell them again.
import type { Flow } from '../../../domain/openflow/flow.ts';
import type { Row } from './tables.ts';

export class KeptFlows {
  private readonly flowOf: (row: Row) => Flow;
  private before = new Map<string, readonly Flow[]>();
  private now = new Map<string, readonly Flow[]>();

  /** `flowOf` gives rows their cookie. */
  constructor(flowOf: (row: Row) => Flow) {
    this.flowOf = flowOf;
  }

  /** Forgets what the last round did not ask for. */
  begin(): void {
    this.before = this.now;
    this.now = new Map();
  }

  /** `key` tells all that the rows are made from, and is of one kind of rows alone. */
  of(key: string, rows: () => readonly Row[]): readonly Flow[] {
    const flows = this.now.get(key) ?? this.before.get(key) ?? rows().map(this.flowOf);
    this.now.set(key, flows);
    return flows;
  }
}
