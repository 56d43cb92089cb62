// Options of an external DNS: [DEFAULT] external_dns_driver and [rfc2136].
import { defaultConfig, type ServerConfig } from '../../server/context.ts';
import { ConfigError } from './ini.ts';
import { type Option, option, section, type Type } from './option.ts';
import { type ServerProcess, within } from './server-process.ts';
import { absoluteDomain, base64, bool, domain, int, listOf, mapped, oneOf, port, string } from './values.ts';

/** Reverse zones end at whole octets, or whole nibbles. */
const prefixSize = (unit: number, most: number): Type<number> =>
  mapped(int(unit, most), 'integer', size => {
    if (size % unit !== 0) throw new ConfigError(`a multiple of ${unit} is wanted`);
    return size;
  });

const allowReverse = (config: ServerProcess, isAllowed: boolean): ServerProcess =>
  within('externalDns', 'reverse')(config, isAllowed ? defaultConfig.externalDns.reverse : undefined);

/** Where there are no reverse zones, there is nothing to be long or short. */
const reverse =
  (family: 'ipv4' | 'ipv6') =>
  (config: ServerProcess, size: number): ServerProcess => {
    const { externalDns } = config.server;
    if (!externalDns.reverse) return config;
    const server = { ...config.server, externalDns: { ...externalDns, reverse: { ...externalDns.reverse, [family]: size } } };
    return { ...config, server };
  };

export const dnsOptions: readonly Option<ServerProcess>[] = [
  ...section('DEFAULT', [
    option(
      'external_dns_driver',
      oneOf('rfc2136', ''),
      'where names of ports and floating IPs are published',
      within('externalDns', 'driver'),
      {
        default: '',
      },
    ),
  ]),
  ...section('rfc2136', [
    option('server', string, 'the name server that takes updates', within('externalDns', 'host'), { default: '127.0.0.1' }),
    option('port', port, 'its port', within('externalDns', 'port'), { default: '53' }),
    option('key_name', domain, 'the TSIG key that signs updates', within('externalDns', 'keyName'), { default: '' }),
    option(
      'key_algorithm',
      oneOf('hmac-sha256', 'hmac-sha384', 'hmac-sha512'),
      'the algorithm of the key',
      within('externalDns', 'keyAlgorithm'),
      { default: 'hmac-sha256' },
    ),
    option('key_secret', base64, 'the key itself', within('externalDns', 'keySecret'), { secret: true }),
    option('ttl', int(1), 'seconds for which others may remember a record', within('externalDns', 'ttl'), { default: '300' }),
    option('zones', listOf(absoluteDomain), 'zones that the server may write to', within('externalDns', 'zones'), { default: '' }),
    option('allow_reverse_dns_lookup', bool, 'whether addresses get names, too', allowReverse, { default: 'true' }),
    option('ipv4_ptr_zone_prefix_size', prefixSize(8, 24), 'bits of an IPv4 address that a reverse zone has', reverse('ipv4'), {
      default: '24',
    }),
    option('ipv6_ptr_zone_prefix_size', prefixSize(4, 124), 'bits of an IPv6 address that a reverse zone has', reverse('ipv6'), {
      default: '64',
    }),
  ]),
];

export function refuseHalfDns({ externalDns }: ServerConfig): void {
  const needed = { key_name: externalDns.keyName, key_secret: externalDns.keySecret, zones: externalDns.zones };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value.length === 0 ? [name] : []));
  if (externalDns.driver !== '' && missing.length > 0)
    throw new ConfigError(`external_dns_driver = ${externalDns.driver} needs ${missing.join(', ')} in [rfc2136]`);
}
