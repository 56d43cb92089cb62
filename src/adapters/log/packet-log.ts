// What is told of packets, to a file that others may move away or to syslog; a line is as Neutron's agent writes it there.
import type { Log } from '../../contracts/log.ts';
import type { PacketLog } from '../../contracts/packet-log.ts';
import { LogFile } from './log-file.ts';
import { osloLine } from './oslo-format.ts';
import { Syslog } from './syslog.ts';
import { oneLine } from './text-log.ts';

/** The one who speaks in Neutron's lines: what reads them may look for it. */
const NAME = 'neutron.services.logapi.drivers.openvswitch.ovs_firewall_log';

interface PacketLogOptions {
  /** Where is told that nothing can be written. */
  readonly log: Log;
  /** In syslog. */
  readonly tag: string;
}

/** Throws where the file cannot be opened. */
export function openPacketLog(file: string | undefined, { log, tag }: PacketLogOptions): PacketLog {
  if (file === undefined) return new Syslog({ tag, log });
  const opened = new LogFile(file);
  let failing = false;
  return {
    write(line) {
      try {
        opened.follow();
        failing = false;
      } catch (error) {
        if (!failing) log.error('the file of packets cannot be opened anew; the old one goes on', { file, error: String(error) });
        failing = true;
      }
      opened.write(osloLine(Date.now(), 'info', oneLine(line), { name: NAME }));
    },
    async [Symbol.asyncDispose]() {
      opened[Symbol.dispose]();
    },
  };
}
