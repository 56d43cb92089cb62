// Tables of the bridges by what they are for, and the marks of our flows: operators and their tools know them by these numbers.

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

/** The upper half of our cookies; it is the same for every agent and each of its lives, so that a restart finds its flows equal. */
const MARK = 0x77656674n;

export const wiringCookie = (MARK << 32n) | 1n;

export const isOurCookie = (cookie: bigint): boolean => cookie >> 32n === MARK;
