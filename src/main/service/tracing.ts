// Traces, where a collector is named: by an option, or by the variables that OpenTelemetry has for it.
import { hostname } from 'node:os';
import { Exporter } from '../../adapters/trace-otlp/exporter.ts';
import { tracer } from '../../adapters/trace-otlp/tracer.ts';
import type { Log } from '../../contracts/log.ts';
import type { Tracer } from '../../contracts/trace.ts';
import type { ServerConfig } from '../../server/context.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The URL that spans are sent to; undefined: none. */
export function collectorOf({ otlpEndpoint }: ServerConfig, env: Environment): string | undefined {
  const whole = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const base = otlpEndpoint ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (env['OTEL_SDK_DISABLED'] === 'true') return undefined;
  if (otlpEndpoint === undefined && whole) return whole;
  return base ? `${base.replace(/\/+$/, '')}/v1/traces` : undefined;
}

/** `name=value,other=value`, percent-encoded. */
function headersOf(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').map(pair => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair));
  return Object.fromEntries(pairs.flatMap(pair => (pair ? [[pair[1], decodeURIComponent(pair[2] ?? '')]] : [])));
}

/** Ended, with what is to be sent still, by the stack. */
export function openTracing(
  config: ServerConfig,
  log: Log,
  stack: AsyncDisposableStack,
  env: Environment = process.env,
): Tracer | undefined {
  const url = collectorOf(config, env);
  if (url === undefined) return undefined;
  const resource = { 'service.name': env['OTEL_SERVICE_NAME'] ?? 'neutron-server', 'host.name': hostname(), 'process.pid': process.pid };
  const exporter = stack.use(new Exporter({ url, headers: headersOf(env['OTEL_EXPORTER_OTLP_HEADERS']), resource, log }));
  return tracer(span => exporter.take(span));
}
