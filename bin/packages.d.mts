// Types of packages.mjs, which is plain JavaScript since it runs before anything is installed, for those who call it later.
export interface Steps {
  run(title: string, argv: readonly string[], env?: Readonly<Record<string, string>>): unknown;
  tryRun(argv: readonly string[]): void;
}
export function installPackages(names: readonly string[], steps: Steps): void;
