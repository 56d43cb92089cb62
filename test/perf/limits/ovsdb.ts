// What Open vSwitch's database alone takes for a port more, as the agent adds one: its own session, and no switch that takes it up.
import { OvsdbSockets } from '../../../src/adapters/host/ovsdb/ovsdb-sockets.ts';
import { programPath } from '../../../src/contracts/store-suite/servers/server.ts';
import { Ovs } from '../../system/ovs.ts';
import type { Operation } from '../bench/world.ts';

/** Why it cannot be measured here, and how it could. */
export const noOvsdb: string | undefined =
  programPath('ovsdb-server') === undefined
    ? 'no ovsdb-server here: apt-get install openvswitch-switch'
    : process.getuid?.() === 0
      ? undefined
      : 'Open vSwitch is started by root only';

export interface Ovsdb extends AsyncDisposable {
  readonly add: Operation;
}

const bridge = 'br-limits';

export async function openOvsdb(): Promise<Ovsdb> {
  const stack = new AsyncDisposableStack();
  const ovs = stack.use(await Ovs.open());
  await ovs.stop();
  const session = stack.use(new OvsdbSockets().open({ connection: `unix:${ovs.folder}/db.sock` }));
  await session.apply({ bridges: { [bridge]: { datapath_type: 'netdev' } } }, { taken: false });
  return {
    async add(n) {
      const began = performance.now();
      const port = { tag: 1 + (n % 4000), interface: { type: 'internal', external_ids: { 'iface-id': crypto.randomUUID() } } };
      const { changed } = await session.apply({ bridges: { [bridge]: { ports: { [`p${n}`]: port } } } }, { taken: false });
      return { ms: performance.now() - began, ok: changed };
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
