// What the store throws when a caller, not the state, is wrong: an unknown column, a value of the wrong type, a closed store.
export class StoreMisuse extends Error {
  constructor(message: string) {
    super(`store: ${message}`);
    this.name = 'StoreMisuse';
  }
}
