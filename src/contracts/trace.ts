// Traces: spans of work, each in the one that was begun around it. Attributes never hold what a client sent.

export interface Span {
  set(attributes: Readonly<Record<string, string | number>>): void;
  /** What was done has failed by our own doing. */
  fail(): void;
}

export interface SpanOptions {
  readonly kind: 'server' | 'internal' | 'producer';
  readonly attributes?: Readonly<Record<string, string | number>>;
  /** W3C's header of whoever asked; what is none, or says that nobody wants a trace, is heeded as that. */
  readonly traceparent?: string;
}

export interface Tracer {
  /** Does the work in a span, which ends with it; what it throws fails the span and passes through. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
}

const noSpan: Span = { set: () => {}, fail: () => {} };

/** Costs nothing where there is no tracer. */
export function traced<T>(tracer: Tracer | undefined, name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer ? tracer.span(name, options, work) : work(noSpan);
}
