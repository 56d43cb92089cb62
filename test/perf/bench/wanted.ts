// What has to be reached: how many times as fast as the real server, and how quick or small in itself. Embedded, and on a database server.
export interface Wanted {
  readonly embedded: number;
  readonly engines: number;
}

const of = (embedded: number, engines: number): Wanted => ({ embedded, engines });

export const wantedOf = (wanted: Wanted, place: string): number => (place === 'embedded' ? wanted.embedded : wanted.engines);

/** Times the objects a second of the real server. */
export const wantedTimes: Readonly<Record<string, Wanted>> = {
  'network create': of(200, 80),
  'subnet create': of(100, 40),
  'port create': of(350, 100),
  '50 ports in one POST': of(1000, 250),
  'port show': of(80, 40),
  'list of all ports, cold': of(30, 25),
  'list of all ports': of(90, 80),
  'list of a network': of(60, 50),
  'list with fields=id': of(60, 50),
  'pages of 500': of(60, 50),
  'port update': of(300, 100),
  'rule create': of(120, 40),
  'router with interface': of(400, 120),
  'floating IP with port': of(300, 100),
};

/** At most: p99 in ms at half the rate that was reached, seconds of a burst of 250, ms from exec to the first answer. */
export const wantedOpenMs = of(10, 40);
export const wantedBurstSeconds = of(0.25, 0.8);
export const wantedStartMs = of(400, 1000);
/** At most this share of the real server's memory: embedded with one host's agents of all of it, on a database server of neutron-server alone. */
export const wantedMemory = of(1 / 5, 1 / 2);
/** More of one processor than that, and it may be the client that was measured. */
export const mostOfClient = 1 / 3;
