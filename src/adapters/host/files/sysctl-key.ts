// Sysctl keys: `net.ipv4.ip_forward`, or with slashes where a device's name holds a dot.
import { HostRefusal } from '../../../contracts/host/firewall.ts';

/** The key as a path below /proc/sys. */
export function sysctlPath(key: string): string {
  const path = key.includes('/') ? key : key.replaceAll('.', '/');
  const parts = path.split('/');
  if (!/^[A-Za-z0-9_.+=,@/-]+$/.test(path) || parts.some(p => p === '' || p === '.' || p === '..')) {
    throw new HostRefusal('sysctl', `key not allowed: ${JSON.stringify(key)}`);
  }
  return path;
}

export function sysctlValue(value: string): string {
  if (/[\x00-\x08\x0a-\x1f]/.test(value)) throw new HostRefusal('sysctl', `value not allowed: ${JSON.stringify(value)}`);
  return value;
}
