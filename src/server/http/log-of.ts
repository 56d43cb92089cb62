// The log of a request. Most requests write nothing to it, so it is made when the first line is.
import type { Log, LogFields } from '../../contracts/log.ts';

export class LogOf implements Log {
  private readonly above: Log;
  private readonly fields: () => LogFields;
  private made: Log | undefined;

  /** `fields`: what each of its lines carries. */
  constructor(above: Log, fields: () => LogFields) {
    this.above = above;
    this.fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.log.debug(message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.log.info(message, fields);
  }

  warning(message: string, fields?: LogFields): void {
    this.log.warning(message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.log.error(message, fields);
  }

  child(fields: LogFields): Log {
    return this.log.child(fields);
  }

  private get log(): Log {
    this.made ??= this.above.child(this.fields());
    return this.made;
  }
}
