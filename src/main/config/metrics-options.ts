// Options that Neutron does not have.
import { ConfigError } from './ini.ts';
import { option, section } from './option.ts';
import { type ServerProcess, sets } from './server-process.ts';
import { mapped, port, string } from './values.ts';

export const address = mapped(string, 'address:port', text => {
  const [, host = '', number = ''] = /^(?:\[?([\w.:-]+?)\]?):(\d+)$/.exec(text) ?? [];
  if (host === '') throw new ConfigError('an address and a port such as 127.0.0.1:9697 are wanted');
  return { host, port: port.read(number, { file: '', line: 0 }) };
});

const httpUrl = mapped(string, 'URL', text => {
  if (!/^https?:$/.test(URL.parse(text)?.protocol ?? '')) throw new ConfigError('a URL such as http://127.0.0.1:4318 is wanted');
  return text;
});

export const metricsOptions = section<ServerProcess>('weft', [
  option(
    'otlp_endpoint',
    httpUrl,
    'a collector of OpenTelemetry that traces are sent to, such as http://127.0.0.1:4318; without it what OTEL_EXPORTER_OTLP_ENDPOINT says, or nowhere',
    sets('otlpEndpoint'),
  ),
  option('metrics_listen', address, 'where `/metrics` is served for Prometheus; without it nowhere', sets('metricsListen')),
]);
