// A tracer whose spans know the one around them, and that hands on each span when it ends.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Span, SpanOptions, Tracer } from '../../contracts/trace.ts';

export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanOptions['kind'];
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly failed: boolean;
}

interface Context {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** `00-<trace>-<span>-<flags>`; later versions may have more behind it. */
export function readTraceparent(text: string | undefined): Context | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(text ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function tracer(ended: (span: EndedSpan) => void): Tracer {
  const around = new AsyncLocalStorage<Context>();
  // The clock of the wall for where it begins, and the other one for how long it takes.
  const now = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
  return {
    async span<T>(name: string, { kind, attributes = {}, traceparent }: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
      const parent = around.getStore() ?? readTraceparent(traceparent);
      const context: Context = { traceId: parent?.traceId ?? hex(16), spanId: hex(8), sampled: parent?.sampled ?? true };
      const start = now();
      let failed = false;
      let all = attributes;
      const span: Span = {
        set: more => {
          all = { ...all, ...more };
        },
        fail: () => {
          failed = true;
        },
      };
      try {
        return await around.run(context, () => work(span));
      } catch (error) {
        failed = true;
        throw error;
      } finally {
        const { traceId, spanId } = context;
        if (context.sampled)
          ended({ traceId, spanId, parentSpanId: parent?.spanId, name, kind, start, end: now(), attributes: all, failed });
      }
    },
  };
}
