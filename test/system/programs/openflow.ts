// The suite of the door to OpenFlow on a real Open vSwitch; started inside a network namespace by openflow.test.ts.
import { OvsOpenflow } from '../../../src/adapters/host/openflow/openflow.ts';
import { openflowContract } from '../../../src/contracts/host/openflow.suite.ts';
import { Ovs } from '../ovs.ts';

let bridges = 0;

openflowContract('of Open vSwitch', async () => {
  const ovs = await Ovs.open();
  return {
    openflow: new OvsOpenflow({ rundir: ovs.folder }),
    addBridge: async () => {
      const name = `br${++bridges}`;
      ovs.addBridge(name);
      return name;
    },
    addPort: async (bridge, name) => void ovs.vsctl('add-port', bridge, name, '--', 'set', 'interface', name, 'type=internal'),
    removePort: async (bridge, name) => void ovs.vsctl('del-port', bridge, name),
    stop: () => ovs.stop(),
    start: () => ovs.start(),
    [Symbol.asyncDispose]: () => ovs[Symbol.asyncDispose](),
  };
});
