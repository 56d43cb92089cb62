// Configuration files as oslo.config reads them: sections, `name = value`, values that go on in indented lines.

/** Where a setting stands. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export interface Setting extends Place {
  /** As it is written. */
  readonly group: string;
  readonly name: string;
  readonly value: string;
}

/** What is wrong with a configuration, in the words of whoever wrote it. */
export class ConfigError extends Error {}

export interface ParsedFile {
  readonly file: string;
  /** In the order of the file; what is repeated comes several times. */
  readonly settings: readonly Setting[];
  /** Sections, with the line where each begins first. */
  readonly groups: ReadonlyMap<string, number>;
  /** `file:line: reason`. */
  readonly problems: readonly string[];
}

export const placeText = ({ file, line }: Place): string => `${file}:${line}`;

/** What Python calls white space is more, and less, than what JavaScript does. */
const space = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const before = new RegExp(`^${space}+`);
const after = new RegExp(`${space}+$`);
export const strip = (text: string): string => text.replace(before, '').replace(after, '');

/** Everything that is wrong is told, not only the first. */
export function parseIni(text: string, file: string): ParsedFile {
  const reader = new IniReader(file);
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) reader.line(line.replace(after, ''), i + 1);
  reader.end();
  return reader;
}

class IniReader implements ParsedFile {
  readonly file: string;
  readonly settings: Setting[] = [];
  readonly groups = new Map<string, number>();
  readonly problems: string[] = [];
  private group: string | undefined;
  /** The value that may still go on. */
  private open: Setting | undefined;

  constructor(file: string) {
    this.file = file;
  }

  line(line: string, number: number): void {
    if (/^[ \t]/.test(line)) {
      this.more(line, number);
      return;
    }
    this.end();
    if (line === '' || /^[#;]/.test(line)) return;
    if (line.startsWith('[')) this.section(line, number);
    else this.assignment(line, number);
  }

  end(): void {
    if (this.open) this.settings.push(this.open);
    this.open = undefined;
  }

  private more(line: string, number: number): void {
    if (this.open) this.open = { ...this.open, value: `${this.open.value}\n${line.replace(before, '')}` };
    else this.wrong(number, 'an indented line continues a value, and there is none');
  }

  private section(line: string, number: number): void {
    const name = /^\[(.+)\]$/.exec(line)?.[1];
    if (name === undefined) {
      this.wrong(number, 'a section is written "[name]", with nothing behind it');
      return;
    }
    this.group = name;
    if (!this.groups.has(name)) this.groups.set(name, number);
  }

  private assignment(line: string, number: number): void {
    const at = line.search(/[=:]/);
    const name = strip(line.slice(0, Math.max(at, 0)));
    if (at < 0) this.wrong(number, 'neither "[section]" nor "name = value"');
    else if (name === '') this.wrong(number, 'a name is missing before the value');
    else if (this.group === undefined) this.wrong(number, 'a value before the first section');
    else this.open = { group: this.group, name, value: unquoted(strip(line.slice(at + 1))), file: this.file, line: number };
  }

  private wrong(line: number, why: string): void {
    this.problems.push(`${placeText({ file: this.file, line })}: ${why}`);
  }
}

/** Quotes around the first line of a value. */
const unquoted = (value: string): string => (/^["']/.test(value) && value[0] === value.at(-1) ? value.slice(1, -1) : value);
