// The simulator passes the suite of the door.
import { openflowContract } from '../../../contracts/host/openflow.suite.ts';
import { SimOpenflow } from './sim.ts';

openflowContract('simulated', async () => {
  const openflow = new SimOpenflow();
  let ports = 0;
  return {
    openflow,
    addBridge: async () => {
      openflow.addBridge('br0');
      return 'br0';
    },
    addPort: async (bridge, name) => openflow.addPort(bridge, { port: ++ports, name, mac: '02:00:00:00:00:02', up: false }),
    removePort: async (bridge, name) => openflow.removePort(bridge, name),
    stop: async () => openflow.stop(),
    start: async () => openflow.start(),
    [Symbol.asyncDispose]: async () => {},
  };
});
