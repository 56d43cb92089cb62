// The driver that makes nothing: devices are put into the namespaces by somebody else.
import type { DriverNews, InterfaceDriver, Outside } from './driver.ts';

export class NullDriver implements InterfaceDriver {
  readonly name = 'null';
  readonly dhcpPrefix = 'tap';

  async look(): Promise<Outside> {
    return {
      judge: (device, inside) =>
        inside ? { kind: 'whole' } : { kind: 'refused', why: `${device.name} is not there, and interface_driver = null makes no devices` },
      wired: () => true,
    };
  }

  async plug(): Promise<readonly []> {
    return [];
  }

  async unplug(): Promise<void> {}

  watch(_news: DriverNews): AsyncDisposable {
    return { async [Symbol.asyncDispose]() {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
