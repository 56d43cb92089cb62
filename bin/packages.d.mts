// Types of packages.mjs, which is plain JavaScript since it runs before anything is installed, for those who call it later.
type Packages = Readonly<Record<string, readonly string[]>>;
export const runPackages: Packages;
export const switchPackages: Packages;
export function upPackages(words: readonly string[]): Packages;
export const testPackages: Packages & { readonly systemd: readonly string[] };
export const conformancePackages: Packages;
export function programFolders(path: string): string[];
export function missingPackages(packages: Packages, folders: readonly string[]): string[];
