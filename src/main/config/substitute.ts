// `$name`, `${name}`, `$group.name` in values, as oslo.config puts in what other options say; `$$` and `\$` are a dollar.

const variable = /\$(?:(\$)|([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi;

/** Any other dollar stays. */
export function substitute(text: string, lookup: (name: string) => string): string {
  return text
    .replaceAll('\\$', () => '$$')
    .replace(variable, (_, dollar?: string, bare?: string, braced?: string) => (dollar ? '$' : lookup(bare ?? braced ?? '')));
}
