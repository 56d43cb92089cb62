// A configuration as a person looks at it: values as texts, with where they come from, and nothing secret.
import type { ConfigView, OptionView } from '../../cli/verbs/config.ts';
import type { Program, Reading } from './program.ts';
import { type Effective, originText } from './resolve.ts';
import { shownText } from './secret.ts';

export function viewOf<C>({ name, title }: Program<C>, { files, effective, problems, warnings, notes }: Reading<C>): ConfigView {
  return { program: name, title, files, options: effective.filter(isShown).map(optionView), errors: problems, warnings, notes };
}

/** What has no effect and is not set is no news. */
function isShown<C>({ option, origins }: Effective<C>): boolean {
  return typeof option.effect === 'function' || origins.some(origin => origin.kind !== 'default');
}

function optionView<C>({ option, texts, origins }: Effective<C>): OptionView {
  const shown = texts.map(text => shownText(option, text));
  const older = origins.find(origin => origin.kind === 'file' && origin.deprecated !== undefined);
  return {
    group: option.group,
    name: option.name,
    value: option.multi ? shown : (shown[0] ?? null),
    from: origins.map(originText),
    ...(older?.kind === 'file' && older.deprecated !== undefined ? { older: older.deprecated } : {}),
    ...(typeof option.effect === 'function' ? {} : { without: option.effect.because }),
  };
}
