// The files of a configuration: those that are named, and those of the directories that are.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { ConfigError, type ParsedFile, parseIni } from './ini.ts';

export interface ReadSources {
  readonly files: readonly ParsedFile[];
  readonly problems: readonly string[];
}

export function readSources(sources: readonly ConfigSource[]): ReadSources {
  const files: ParsedFile[] = [];
  const problems: string[] = [];
  for (const source of sources) {
    try {
      for (const path of source.kind === 'dir' ? filesOf(source.path) : [source.path]) files.push(parseIni(contents(path), path));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
    }
  }
  return { files, problems: [...problems, ...files.flatMap(file => file.problems)] };
}

/** `*.conf`, by name. */
function filesOf(dir: string): string[] {
  const names = reading(dir, () => readdirSync(dir)).filter(name => name.endsWith('.conf') && !name.startsWith('.'));
  return names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))).map(name => join(dir, name));
}

function contents(path: string): string {
  const bytes = reading(path, () => readFileSync(path));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ConfigError(`${path} cannot be read: it is not text in UTF-8`);
  }
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
