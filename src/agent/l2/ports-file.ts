// Which ports the server was told are up, for the agent's next life: of one that goes meanwhile nothing else is left on the host.
import type { Files } from '../../contracts/host/files.ts';
import type { Log } from '../../contracts/log.ts';
import { isUuid } from './wire.ts';

export class PortsFile {
  private readonly files: Files;
  private readonly path: string;
  private readonly log: Log;
  private kept: string | undefined;
  private failed = false;

  constructor(files: Files, path: string, log: Log) {
    this.files = files;
    this.path = path;
    this.log = log;
  }

  /** Ids of ports; none where the file is missing or cannot be read. */
  async read(): Promise<string[]> {
    const text = await this.files.read(this.path).catch((error: unknown) => {
      this.log.warning('which ports were up is not known', { path: this.path, error: String(error) });
      return undefined;
    });
    return (text ?? '').split('\n').filter(isUuid);
  }

  /** Before the server is told of them. A disk that is full or away keeps no port waiting. */
  async keep(ports: Iterable<string>): Promise<void> {
    const text = [...new Set(ports)]
      .sort()
      .map(id => `${id}\n`)
      .join('');
    if (text === this.kept) return;
    try {
      await this.files.write(this.path, text);
      this.kept = text;
      this.failed = false;
    } catch (error) {
      if (!this.failed) this.log.warning('which ports are up cannot be kept', { path: this.path, error: String(error) });
      this.failed = true;
    }
  }
}
