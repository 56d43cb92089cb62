// The help texts, written from the verbs themselves.
import { commonOptions, name, type OptionSpec, usageLine, type Verb } from './verb.ts';

const width = 100;

export function overview(verbs: readonly Verb[]): string {
  const longest = Math.max(...verbs.map(verb => name(verb).length));
  return [
    'weft: OpenStack Networking on one machine, or in a cloud.',
    '',
    'usage: weft VERB [OPTIONS] [ARGUMENTS]',
    '',
    ...verbs.map(verb => `  ${name(verb).padEnd(longest)}  ${verb.summary}`),
    '',
    '"weft help VERB" and "weft VERB --help" tell more about one.',
  ].join('\n');
}

export function helpFor(verb: Verb): string {
  const options = Object.entries({ ...verb.options, ...commonOptions }).map(([key, spec]) => [optionText(key, spec), spec.help] as const);
  const longest = Math.max(...options.map(([left]) => left.length));
  return [
    `weft ${name(verb)}: ${verb.summary}`,
    '',
    `usage: ${usageLine(verb)}`,
    ...(verb.details ?? []).flatMap(paragraph => ['', wrap(paragraph)]),
    '',
    'options:',
    ...options.map(([left, right]) => `  ${left.padEnd(longest)}  ${wrap(right, longest + 4)}`),
    ...(verb.examples ? ['', 'examples:', ...verb.examples.map(line => `  ${line}`)] : []),
  ].join('\n');
}

function optionText(key: string, { short, value, multiple }: OptionSpec): string {
  return `${short ? `-${short}, ` : '    '}--${key}${value ? ` ${value}` : ''}${multiple ? ' …' : ''}`;
}

/** Breaks a text at words; lines after the first are indented. */
function wrap(text: string, indent = 0): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
