// Sends spans to a collector: OTLP over HTTP, as JSON. Traces are for looking, so what cannot be sent is dropped, and nobody waits.
import type { Log } from '../../contracts/log.ts';
import type { EndedSpan } from './tracer.ts';

export interface ExporterOptions {
  /** With its path: http://127.0.0.1:4318/v1/traces */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the process: `service.name` and the like. */
  readonly resource: Readonly<Record<string, string | number>>;
  readonly log: Log;
}

const everyMs = 2_000;
const atOnce = 512;
const mostWaiting = 4_096;
const answerMs = 5_000;

export class Exporter implements AsyncDisposable {
  private readonly options: ExporterOptions;
  private readonly timer: NodeJS.Timeout;
  private waiting: EndedSpan[] = [];
  private sending: Promise<void> = Promise.resolve();
  private dropped = 0;

  constructor(options: ExporterOptions) {
    this.options = options;
    this.timer = setInterval(() => this.flush(), everyMs);
    this.timer.unref();
  }

  take(span: EndedSpan): void {
    if (this.waiting.length >= mostWaiting) this.drop(1, 'too many wait to be sent');
    else this.waiting.push(span);
    if (this.waiting.length >= atOnce) this.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.timer);
    this.flush();
    await this.sending;
  }

  private flush(): void {
    while (this.waiting.length > 0) {
      const spans = this.waiting.splice(0, atOnce);
      this.sending = this.sending.then(() => this.send(spans));
    }
  }

  private async send(spans: readonly EndedSpan[]): Promise<void> {
    const { url, headers } = this.options;
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(this.request(spans)),
        signal: AbortSignal.timeout(answerMs),
      });
      await answer.arrayBuffer();
      if (!answer.ok) this.drop(spans.length, `the collector answered ${answer.status}`);
    } catch {
      this.drop(spans.length, 'the collector does not answer');
    }
  }

  /** Told at 1, 2, 4, 8, … losses. */
  private drop(count: number, why: string): void {
    const before = this.dropped;
    this.dropped += count;
    if (Math.floor(Math.log2(this.dropped)) > Math.floor(Math.log2(Math.max(before, 0.5))))
      this.options.log.warning('spans of traces were dropped', { count: this.dropped, why });
  }

  private request(spans: readonly EndedSpan[]): unknown {
    const resource = { attributes: attributesOf(this.options.resource) };
    return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'weft' }, spans: spans.map(spanOf) }] }] };
  }
}

const kinds = { internal: 1, server: 2, producer: 4 } as const;

function spanOf({ traceId, spanId, parentSpanId, name, kind, start, end, attributes, failed }: EndedSpan): unknown {
  return {
    ...{ traceId, spanId, ...(parentSpanId === undefined ? {} : { parentSpanId }), name, kind: kinds[kind] },
    ...{ startTimeUnixNano: String(start), endTimeUnixNano: String(end), attributes: attributesOf(attributes) },
    status: failed ? { code: 2 } : {},
  };
}

function attributesOf(all: Readonly<Record<string, string | number>>): unknown[] {
  return Object.entries(all).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string' ? { stringValue: value } : Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value },
  }));
}
