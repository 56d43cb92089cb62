// The door to Open vSwitch's database over the machine's sockets.
import type { Ovsdb, OvsdbOptions, OvsdbSession } from '../../../contracts/host/ovsdb.ts';
import { systemClock } from '../../clock/system-clock.ts';
import { connectSocket } from './connect.ts';
import { Session } from './session.ts';

export class OvsdbSockets implements Ovsdb {
  open(options: OvsdbOptions): OvsdbSession {
    return new Session({ options, connect: connectSocket, clock: systemClock, random: Math.random });
  }
}
