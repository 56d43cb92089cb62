// The instances that Weft plays host to, kept in a file so that they are plugged again after a restart.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

export interface InstanceRecord {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port_id: string;
  /** Ours to delete with the instance. */
  readonly owns_port: boolean;
  readonly user_data: string | null;
  /** ISO 8601 UTC. */
  readonly created_at: string;
}

/** One label of a host name: it becomes the hostname of the instance. */
export function isInstanceName(name: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(name);
}

export class InstanceRegistry {
  private readonly path: string;
  private readonly records: Map<string, InstanceRecord>;

  /** Throws when the file is there and is not one of ours: it is never overwritten then. */
  constructor(path: string) {
    this.path = path;
    this.records = new Map(read(path).map(record => [record.id, record]));
  }

  all(): readonly InstanceRecord[] {
    return [...this.records.values()];
  }

  get(id: string): InstanceRecord | undefined {
    return this.records.get(id);
  }

  /** By id or by name. */
  find(word: string): InstanceRecord | undefined {
    return this.records.get(word) ?? this.all().find(record => record.name === word);
  }

  put(record: InstanceRecord): void {
    this.records.set(record.id, record);
    this.write();
  }

  remove(id: string): void {
    if (this.records.delete(id)) this.write();
  }

  /** `vm1`, `vm2`, …: the first that nobody has. */
  freeName(): string {
    for (let n = 1; ; n++) if (!this.find(`vm${n}`)) return `vm${n}`;
  }

  private write(): void {
    const text = `${JSON.stringify({ version: 1, instances: this.all() }, undefined, 2)}\n`;
    writeFileSync(`${this.path}.new`, text, { mode: 0o600 });
    renameSync(`${this.path}.new`, this.path);
  }
}

function read(path: string): InstanceRecord[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const body = parse(path, text);
  if (body.version !== 1 || !Array.isArray(body.instances)) throw new Error(`${path} is of another version of Weft`);
  return body.instances;
}

function parse(path: string, text: string): { version?: number; instances?: InstanceRecord[] } {
  try {
    return JSON.parse(text) as { version?: number; instances?: InstanceRecord[] };
  } catch (error) {
    throw new Error(`${path} is damaged (${error instanceof Error ? error.message : String(error)}): repair it, or move it away`);
  }
}
