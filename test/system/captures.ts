// What tcpdump(8) has written of a device.
import { readFileSync } from 'node:fs';
import { type Job, until } from './job.ts';

export interface Capture {
  /** Frames until now. */
  frames(): Buffer[];
}

/** `spawn` starts a program where the device is; resolves when it listens. */
export async function capture(spawn: (argv: readonly string[]) => Job, device: string, file: string): Promise<Capture> {
  const job = spawn(['tcpdump', '-Z', 'root', '-U', '-n', '-i', device, '-w', file]);
  await until(`tcpdump listens on ${device}`, () => job.output().includes('listening on'), { story: job.output });
  return { frames: () => framesOf(readFileSync(file)) };
}

const header = 24;
const recordHeader = 16;

/** pcap(5), in this machine's order of bytes, which is little endian on all that we run on; a record that is not whole yet is left out. */
function framesOf(pcap: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = header; at + recordHeader <= pcap.length; ) {
    const end = at + recordHeader + pcap.readUInt32LE(at + 8);
    if (end > pcap.length) break;
    frames.push(pcap.subarray(at + recordHeader, end));
    at = end;
  }
  return frames;
}
