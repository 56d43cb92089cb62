// Hosts whose agents need none of iptables may not have it.
import { HostRefusal } from '../../contracts/host/firewall.ts';

/** A tool that is not installed has left nothing; to change anything without it is refused. */
export const unlessMissing =
  <T>(nothing: T) =>
  (error: unknown): T => {
    if (error instanceof HostRefusal && /not installed|ENOENT/.test(error.message)) return nothing;
    throw error;
  };
