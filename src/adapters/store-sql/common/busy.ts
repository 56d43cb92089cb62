// Thrown when others held what a commit needs for all of the patience, or no connection was to be had.
export class StoreBusy extends Error {
  constructor(message: string, cause?: unknown) {
    super(`store: ${message}`, cause === undefined ? {} : { cause });
    this.name = 'StoreBusy';
  }
}
