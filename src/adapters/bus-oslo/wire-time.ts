// Times as Python prints them.

/** UTC with microseconds, without a zone: `2026-01-02 03:04:05.678000`. */
export function wireTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}000`;
}
