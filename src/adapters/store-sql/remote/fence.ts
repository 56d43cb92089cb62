// One writing node of a cluster. Locks of a Galera node bind nobody on another one, and a cluster certifies writes against writes only. So every
// commit writes a row that belongs to the node that is written to; who takes that over writes all of them, and with that undoes whatever
// is under way on the node before, wherever it has got to.
import type { Engine, Session } from './engine.ts';
import { patiently } from './schema.ts';

/** Rows that commits of one node share out by their connections, so that they do not wait for one another. */
const rows = 64;
/** How long a node must have been silent before another one is written to. */
const silentMs = 3000;

/** The row that counts the entries of the outbox: a cluster's own numbers go in steps, and each step would be a gap to its readers. */
export const counterSlot = -1;

/** The table of a cluster. `key` and `options` as the other tables of the store have them. */
export const fenceTable = (key: string, options: string): readonly string[] => [
  `CREATE TABLE IF NOT EXISTS weft_writer (slot INT PRIMARY KEY, node ${key} NOT NULL, used BIGINT NOT NULL, at BIGINT NOT NULL)${options}`,
  `INSERT IGNORE INTO weft_writer (slot, node, used, at) VALUES ${Array.from({ length: rows + 1 }, (_, i) => `(${i + counterSlot}, '', 0, 0)`).join(', ')}`,
];

/** The database may have been one server's before, or in between. */
const catchUp = `UPDATE weft_writer SET used = (SELECT max(seq) FROM (SELECT seq FROM weft_outbox UNION ALL SELECT seq FROM weft_reader) s)
  WHERE slot = ${counterSlot} AND used < (SELECT max(seq) FROM (SELECT seq FROM weft_outbox UNION ALL SELECT seq FROM weft_reader) s)`;

/** Before anybody commits by this node. What is there already is let alone: others may be at work. */
export async function joinCluster(engine: Engine, session: Session): Promise<void> {
  if (session.member === undefined) return;
  const { rows: found } = await session.run(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = 'weft_writer'",
  );
  const there = found.length > 0 && Number((await session.run('SELECT count(*) FROM weft_writer')).rows[0]?.[0]) > rows;
  for (const text of [...(there ? [] : (engine.clusterTable ?? [])), catchUp]) await patiently(engine, () => session.run(text));
}

/** Another node of the cluster is the one that is written to. */
export class Elsewhere extends Error {
  constructor() {
    super(
      'the servers of this database write to another node of the cluster: all must write to one (the same order of hosts in [database] connection)',
    );
  }
}

export class Fence {
  private readonly own: string;
  private readonly take: string;
  private readonly seen: string;

  /** `nowMs`: milliseconds by the server's clock, as an expression. */
  constructor(nowMs: string) {
    this.own = `UPDATE weft_writer SET used = used + 1, at = ${nowMs} WHERE slot = ? AND node = ?`;
    this.take = `UPDATE weft_writer SET used = used + 1, at = ${nowMs}, node = ? WHERE slot >= 0`;
    this.seen = `SELECT max(at) > ${nowMs} - ? FROM weft_writer`;
  }

  /** Part of every transaction that is to be done. */
  async claim(session: Session): Promise<void> {
    if (session.member === undefined) return;
    const { count } = await session.query({ text: this.own, binds: [session.id % rows, session.member] });
    if (count !== 1) throw new Elsewhere();
  }

  /** Writes to this node from now on, unless another one has just been written to. */
  async takeOver(session: Session): Promise<void> {
    if (session.member === undefined) return;
    await session.begin();
    try {
      const { rows: answer } = await session.query({ text: this.seen, binds: [silentMs] });
      if (Number(answer[0]?.[0]) === 0) await session.query({ text: this.take, binds: [session.member] });
      await session.commit();
    } catch (error) {
      await session.rollback().catch(() => session.destroy());
      throw error;
    }
  }
}
