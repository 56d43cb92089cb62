// From the words of a command line to a verb that runs, and from what goes wrong to words and an exit status.
import { helpFor, overview } from './help.ts';
import { Failure, findVerb, flag, name, parseCall, UsageError, type Verb } from './verb.ts';

export interface Terminal {
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Runs one command line; answers the exit status. What is thrown beyond UsageError and Failure is a bug and passes through. */
export async function runProgram(verbs: readonly Verb[], argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(verbs, argv, terminal);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof Failure)) throw error;
    terminal.err(`weft: ${error.message}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function dispatch(verbs: readonly Verb[], argv: readonly string[], { out }: Terminal): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === '--help' || first === '-h' || (first === 'help' && argv.length === 1)) {
    out(overview(verbs));
    return first === undefined ? 2 : 0;
  }
  const words = first === 'help' ? argv.slice(1) : argv;
  const found = findVerb(verbs, words);
  if (!found) return family(verbs, words, out);
  if (first === 'help') {
    out(helpFor(found.verb));
    return 0;
  }
  // `--help` before everything else: also where arguments are missing.
  const end = found.rest.indexOf('--');
  if ((end < 0 ? found.rest : found.rest.slice(0, end)).some(word => word === '--help' || word === '-h')) {
    out(helpFor(found.verb));
    return 0;
  }
  const call = parseCall(found.verb, found.rest, out);
  return flag(call, 'help') ? 0 : found.verb.run(call);
}

/** `weft instance` names no verb, but the beginning of some. */
function family(verbs: readonly Verb[], words: readonly string[], out: (line: string) => void): number {
  const members = verbs.filter(verb => verb.path[0] === words[0]);
  if (members.length === 0) throw new UsageError(`there is no verb ${JSON.stringify(words[0])}; "weft help" lists them`);
  if (words[1] !== undefined && !words[1].startsWith('-'))
    throw new UsageError(`there is no "weft ${words[0]} ${words[1]}", only ${members.map(verb => `"weft ${name(verb)}"`).join(', ')}`);
  out(overview(members));
  return words[1] === undefined ? 2 : 0;
}
