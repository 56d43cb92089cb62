// Commands to ovs-vswitchd, as ovs-appctl gives them: JSON-RPC over the daemon's control socket.
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import { JsonStream } from '../ovsdb/json-stream.ts';

const TIMEOUT_MS = 60_000;

export class Unixctl {
  private readonly rundir: string;

  /** Where ovs-vswitchd has its sockets: OVS_RUNDIR, or /var/run/openvswitch. */
  constructor(rundir = process.env['OVS_RUNDIR'] ?? '/var/run/openvswitch') {
    this.rundir = rundir;
  }

  /** The command's words. Throws HostRefusal: the daemon is away, or says no. */
  async run(command: string, ...params: readonly string[]): Promise<string> {
    const answer = await ask(await this.socket(), { method: command, params, id: 0 });
    const { result, error } = answer;
    if (typeof error === 'string' || typeof result !== 'string')
      throw new HostRefusal('ovs-vswitchd', `${command}: ${String(error ?? 'no answer in words').trim()}`);
    return result;
  }

  private async socket(): Promise<string> {
    const file = `${this.rundir}/ovs-vswitchd.pid`;
    const pid = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new HostRefusal('ovs-vswitchd', `is not running: ${String(error)}`);
    });
    if (!/^[0-9]+\s*$/.test(pid)) throw new HostRefusal('ovs-vswitchd', `${file} says no process`);
    return `${this.rundir}/ovs-vswitchd.${pid.trim()}.ctl`;
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: unknown;
}

function ask(path: string, question: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const fail = (why: string): void => {
      socket.destroy();
      reject(new HostRefusal('ovs-vswitchd', why));
    };
    const texts = new JsonStream();
    socket.setTimeout(TIMEOUT_MS, () => fail('does not answer'));
    socket.on('error', error => fail(error.message));
    socket.on('close', () => fail('closed the connection without an answer'));
    socket.on('data', piece => {
      try {
        for (const answer of texts.push(piece)) {
          resolve(answer as Answer);
          socket.destroy();
        }
      } catch (error) {
        fail(String(error));
      }
    });
    socket.write(JSON.stringify(question));
  });
}
