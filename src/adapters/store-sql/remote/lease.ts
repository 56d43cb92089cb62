// Leases, by the clock of the database server: the servers' own may differ.
import type { Engine, Session } from './engine.ts';

/** Two statements at most, each a decision of its own: of many who ask at once one changes the row, or makes it. */
export async function takeLease(engine: Engine, session: Session, name: string, holder: string, ms: number): Promise<boolean> {
  const now = engine.nowMs;
  const renewed = await session.query({
    text: `UPDATE weft_lease SET holder = ?, ends = ${now} + ? WHERE name = ? AND (holder = ? OR ends <= ${now})`,
    binds: [holder, ms, name, holder],
  });
  if (renewed.count > 0) return true;
  const there = await session.query({ text: 'SELECT 1 FROM weft_lease WHERE name = ?', binds: [name] });
  if (there.rows.length > 0) return false;
  try {
    await session.query({ text: `INSERT INTO weft_lease (name, holder, ends) VALUES (?, ?, ${now} + ?)`, binds: [name, holder, ms] });
    return true;
  } catch (error) {
    if (engine.takenKey(error, 'weft_lease') === undefined) throw error;
    return false;
  }
}
