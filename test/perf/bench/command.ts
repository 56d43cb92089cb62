// What the benchmarks that write a document have in common: options, Ctrl-C, where the result goes, and what the status says.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkSection, writeSection } from './document.ts';
import { interruption } from './interruption.ts';

export interface Command<O> {
  /** As it is called, and its section in the document. */
  readonly name: string;
  readonly usage: string;
  /** Throws, in words for the person who called. */
  read(args: readonly string[]): O;
  run(options: O, context: CommandContext): Promise<Finished>;
}

export interface CommandContext {
  /** As it was called. */
  readonly command: string;
  readonly date: string;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Goal {
  readonly help: boolean;
  /** Where every round's figures go. */
  readonly json: string | undefined;
  /** Where the result goes between its marks, in place of the project's own document. */
  readonly document: string | undefined;
}

export interface Finished {
  readonly text: string;
  readonly raw: object;
  /** Of what is wanted, in words; and what must not be in any run. */
  readonly missed: readonly string[];
  readonly wrong: readonly string[];
  /** Nothing was left out or shortened, so that it may stand in the document. */
  readonly isWhole: boolean;
}

const ownDocument = join(import.meta.dirname, '../../../docs/benchmarks.md');
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

/** The status: 0, 1 where something was missed or wrong, 2 for a call that cannot be, 130 after Ctrl-C. */
export async function runCommand<O extends Goal>(command: Command<O>, args: readonly string[]): Promise<number> {
  let options: O;
  try {
    options = command.read(args);
    checkSection(options.document ?? ownDocument, command.name);
  } catch (error) {
    progress(`${(error as Error).message}\n${command.usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(`${command.usage}\n`);
    return 0;
  }
  using interrupted = interruption(progress);
  const { signal } = interrupted;
  const words = [command.name, ...(args.length === 0 ? [] : ['--', ...args])].join(' ');
  try {
    const finished = await command.run(options, { command: words, date: new Date().toISOString().slice(0, 10), progress, signal });
    keep(command.name, options, finished);
    return finished.wrong.length + finished.missed.length > 0 ? 1 : 0;
  } catch (error) {
    if (!signal.aborted) progress(`${(error as Error).stack}`);
    progress('ended without a result; what was started is gone');
    return signal.aborted ? 130 : 1;
  }
}

function keep(name: string, { json, document }: Goal, { text, raw, isWhole, wrong }: Finished): void {
  process.stdout.write(`${text}\n`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(raw, undefined, 1)}\n`);
  const goesInto = document ?? (isWhole && wrong.length === 0 ? ownDocument : undefined);
  if (goesInto === undefined) progress('written into no document: this was not the whole, or went wrong');
  else {
    writeSection(goesInto, name, text);
    progress(`written into ${goesInto}`);
  }
}
