// Why a conformance run cannot take place here: the packages of bin/packages.mjs, and what a contained host takes.
import { conformancePackages, missingPackages, programFolders } from '../../bin/packages.mjs';
import { noSandbox } from '../system/need.ts';

export function whyNotHere(withHost: boolean): string | undefined {
  const missing = missingPackages(conformancePackages, programFolders(process.env['PATH'] ?? ''));
  if (missing.length > 0) return `these Debian packages are missing: ${missing.join(' ')}`;
  return (withHost && noSandbox()) || undefined;
}
