// What a benchmark writes of itself into a document, between two marks: all else stays.

/** The document with another text between `<!-- NAME -->` and `<!-- /NAME -->`. Throws where the marks are not there. */
export function withSection(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there are no marks ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n${text.trim()}\n${document.slice(to)}`;
}
