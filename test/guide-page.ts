// A page of the guide as data: the files that it shows, and the commands below each heading.

export interface GuideFile {
  /** `/etc/neutron/neutron.conf`. */
  readonly path: string;
  /** `controller`. */
  readonly where: string;
  readonly text: string;
}

/** Files that are introduced by "`PATH` on the NODE", with the block that follows. */
export function filesOf(page: string): GuideFile[] {
  const introduced = /^`(\/[^`]+)` on the ([a-z ]+?)(?:, [^\n]*)?:\n\n```ini\n(.*?)\n```$/gms;
  return [...page.matchAll(introduced)].map(([, path = '', where = '', text = '']) => ({ path, where, text: `${text}\n` }));
}

/** The lines of the blocks of one language below a heading. */
export function commandsOf(page: string, heading: string, language = 'bash'): string[] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const blocks = (section.split('\n## ')[0] ?? '').matchAll(new RegExp(`^\`\`\`${language}\n(.*?)\n\`\`\`$`, 'gms'));
  return [...blocks].flatMap(([, text = '']) => text.split('\n'));
}
