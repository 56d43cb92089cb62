// The duplicate window of a listener: the last 16 `_unique_id`s it has seen.

export class RecentIds {
  private readonly size: number;
  private readonly ids = new Set<string>();

  constructor(size = 16) {
    this.size = size;
  }

  /** True when the id is in the window; otherwise it enters and the oldest leaves. No id is never a duplicate. */
  seen(id: string | undefined): boolean {
    if (id === undefined) return false;
    if (this.ids.has(id)) return true;
    this.ids.add(id);
    if (this.ids.size > this.size) {
      for (const oldest of this.ids) {
        this.ids.delete(oldest);
        break;
      }
    }
    return false;
  }
}
