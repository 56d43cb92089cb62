// The driver that `interface_driver` names.
import type { Host } from '../../contracts/host/host.ts';
import type { InterfaceDriverConfig } from '../context.ts';
import type { InterfaceDriver } from './driver.ts';
import { LinuxbridgeDriver } from './linuxbridge.ts';
import { NullDriver } from './null.ts';
import { OpenvswitchDriver } from './openvswitch.ts';

export function openInterfaceDriver(host: Host, config: InterfaceDriverConfig = { kind: 'linuxbridge' }): InterfaceDriver {
  if (config.kind !== 'openvswitch') return config.kind === 'null' ? new NullDriver() : new LinuxbridgeDriver(host);
  const { connection, tls, timeoutMs } = config;
  return new OpenvswitchDriver(host, config, host.ovsdb.open({ connection, timeoutMs, ...(tls ? { tls } : {}) }));
}
