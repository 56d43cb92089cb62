// The part of an INSERT that all databases write alike.
import type { InsertParts } from './dialect.ts';

export function insertHead({ table, columns, rows = 1 }: InsertParts): string {
  const row = `(${columns.map(() => '?').join(', ')})`;
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array.from({ length: rows }, () => row).join(', ')}`;
}
