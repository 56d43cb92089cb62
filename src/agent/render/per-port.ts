// Text that depends on one port alone is made once for as long as the port is the same value: a pass over a hundred ports of which one
// is new costs one.
import type { PortSecurity } from './security-port.ts';

/** What `make` answers is shared by all who ask, and must not be changed. Forgotten with the port. */
export function perPort<T extends object>(make: (port: PortSecurity) => T): (port: PortSecurity) => T {
  const made = new WeakMap<PortSecurity, T>();
  return port => {
    const known = made.get(port);
    if (known) return known;
    const fresh = make(port);
    made.set(port, fresh);
    return fresh;
  };
}
