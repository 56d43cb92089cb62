// Tells systemd how the service is doing, where it started it with Type=notify. Node has no datagrams of Unix sockets: systemd's own program sends
// them.
import { spawn } from 'node:child_process';

/** Nobody whom we start is to speak in our name. */
const socket = process.env['NOTIFY_SOCKET'];
delete process.env['NOTIFY_SOCKET'];

type ServiceState = 'READY=1' | 'STOPPING=1';

/** Answers what went wrong; without a service manager there is nobody to tell. */
export function tellServiceManager(state: ServiceState): Promise<string | undefined> {
  if (socket === undefined) return Promise.resolve(undefined);
  return new Promise(resolve => {
    const child = spawn('systemd-notify', [`--pid=${process.pid}`, state], {
      env: { ...process.env, NOTIFY_SOCKET: socket },
      stdio: 'ignore',
    });
    child.on('error', error => resolve(`systemd cannot be told ${state}: ${error.message}`));
    child.on('exit', status => resolve(status === 0 ? undefined : `systemd was not told ${state}: systemd-notify ended with ${status}`));
  });
}
