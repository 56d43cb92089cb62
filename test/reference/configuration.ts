// The page of the options of configuration files, written from their tables.
import { type OldName, type Option, optionName } from '../../src/main/config/option.ts';
import { type AnyProgram, programs } from '../../src/main/config/programs.ts';
import { cell, code, page, table } from './markdown.ts';

type AnyOption = AnyProgram['options'][number] & Partial<Pick<Option<never>, 'effect'>>;

export const configurationPage = (): string =>
  page(
    '# Options of configuration files',
    'By program, section and name, as in the files of Neutron. How files are read is in [the guide](../guide/configuration.md).',
    ...programs.flatMap(({ title, options }) => [`## ${title}`, ...sections(options)]),
  );

function sections(options: readonly AnyOption[]): string[] {
  const groups = [...Map.groupBy(options, ({ group }) => group)].toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  return groups.map(
    ([group, rows]) => `### \`[${group}]\`\n\n${table(['option', 'value', 'default', 'what it does'], rows.toSorted(byName).map(row))}`,
  );
}

const byName = (a: AnyOption, b: AnyOption): number => (a.name < b.name ? -1 : 1);

function row(option: AnyOption): string[] {
  const { name, type, multi, help } = option;
  return [
    code(name),
    `${type.name}${multi ? ', may be repeated' : ''}`,
    code(option.default ?? ''),
    cell([help, effectText(option), older(option)].filter(Boolean).join('; ')),
  ];
}

function effectText({ effect }: AnyOption): string {
  if (effect === undefined || typeof effect === 'function') return '';
  return `${effect.kind === 'refused' ? '**refused**' : '**no effect**'}: ${effect.because}`;
}

const older = (option: AnyOption): string => option.deprecated.map(old => `older: \`${optionName(full(option, old))}\``).join(', ');

const full = ({ group, name }: AnyOption, old: OldName): { group: string; name: string } => ({
  group: old.group ?? group,
  name: old.name ?? name,
});
