// Configuration files as oslo.config reads them: sections, `name = value`, values that go on in indented lines.

export interface Setting {
  readonly group: string;
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

export class ConfigError extends Error {}

/** Settings in the order of the file; one that is repeated comes several times. */
export function parseIni(text: string, file: string): Setting[] {
  const settings: Setting[] = [];
  let group: string | undefined;
  let goesOn = false;
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const at = `${file}:${i + 1}`;
    if (/^\s*(?:[#;].*)?$/.test(line)) {
      goesOn &&= line.trim() !== '';
      continue;
    }
    if (/^\s/.test(line)) {
      const last = settings.pop();
      if (!last || !goesOn) throw new ConfigError(`${at}: an indented line continues a value, and there is none`);
      settings.push({ ...last, value: `${last.value}\n${line.trim()}` });
      continue;
    }
    const section = /^\[([^\]]+)\]\s*$/.exec(line);
    goesOn = !section;
    if (section) group = section[1];
    else settings.push({ ...assignment(line, at, group), line: i + 1 });
  }
  return settings;
}

function assignment(line: string, at: string, group: string | undefined): Omit<Setting, 'line'> {
  const match = /^([^=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
  if (!match) throw new ConfigError(`${at}: neither "[section]" nor "name = value"`);
  if (group === undefined) throw new ConfigError(`${at}: a value before the first section`);
  const [, name = '', value = ''] = match;
  return { group, name, value: /^(["']).*\1$/.test(value) && value.length > 1 ? value.slice(1, -1) : value };
}
