// The tables that the store keeps for itself on a server.
export interface SystemTypes {
  readonly key: string;
  readonly text: string;
  readonly serial: string;
  readonly options: string;
}

export function systemTables({ key, text, serial, options }: SystemTypes): string[] {
  const table = (name: string, columns: string) => `CREATE TABLE IF NOT EXISTS ${name} (${columns})${options}`;
  return [
    table('schema_meta', `name ${key} PRIMARY KEY, value ${text} NOT NULL`),
    table(
      'weft_outbox',
      `seq ${serial} PRIMARY KEY, at ${key} NOT NULL, kind ${key} NOT NULL, id ${text} NOT NULL, event ${key} NOT NULL,
       revision BIGINT NOT NULL, facts ${text} NOT NULL`,
    ),
    table('weft_reader', `reader ${key} PRIMARY KEY, seq BIGINT NOT NULL`),
    table('weft_mark', `reader ${key} NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (reader, seq)`),
    table('weft_lease', `name ${key} PRIMARY KEY, holder ${text} NOT NULL, ends BIGINT NOT NULL`),
    table('weft_commit', `id ${key} PRIMARY KEY, made BIGINT NOT NULL`),
    'CREATE INDEX IF NOT EXISTS ix__weft_commit__made ON weft_commit (made)',
  ];
}

/** The one at whose cursor a new reader begins. */
export const floorReader = "INSERT INTO weft_reader (reader, seq) VALUES ('', 0)";

/** Beyond any time: `made` of a commit that was closed before it was done is later by this. */
export const neverMs = 1e15;
