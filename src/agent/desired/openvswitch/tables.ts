// Tables of the bridges by what they are for, and the marks of our flows: operators and their tools know them by these numbers.
import { cookieMark } from '../../render/openflow/tables.ts';

/** Of the integration bridge. */
export const intTable = {
  local: 0,
  canary: 23,
  arpSpoof: 24,
  macSpoof: 25,
  localEgress: 30,
  localIp: 31,
  packetRate: 59,
  transient: 60,
  transientEgress: 62,
} as const;

/** Of the tunnel bridge. */
export const tunTable = {
  sort: 0,
  toTunnels: 2,
  fromGre: 3,
  fromVxlan: 4,
  fromGeneve: 6,
  learn: 10,
  unicast: 20,
  arpResponder: 21,
  flood: 22,
} as const;

/** The tag of ports that nobody answers for. */
export const DEAD_VLAN = 4095;

export const wiringCookie = (cookieMark << 32n) | 1n;
export const qosCookie = (cookieMark << 32n) | 3n;

export const isOurCookie = (cookie: bigint): boolean => cookie >> 32n === cookieMark;
