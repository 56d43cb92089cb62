// The simulated host passes the same suites as the real one.
import { iptablesContract } from '../../contracts/host/iptables.suite.ts';
import { linksContract } from '../../contracts/host/links.suite.ts';
import { ovsdbContract } from '../../contracts/host/ovsdb.suite.ts';
import { packetSetsContract } from '../../contracts/host/packet-sets.suite.ts';
import { processesContract } from '../../contracts/host/processes.suite.ts';
import { qdiscsContract } from '../../contracts/host/qdiscs.suite.ts';
import { routesContract } from '../../contracts/host/routes.suite.ts';
import type { HostUnderTest } from '../../contracts/host/under-test.ts';
import { simHost } from './sim-host.ts';

async function open(): Promise<HostUnderTest> {
  const host = simHost();
  host.processes.program('ls', ([, path = '']) => ({ code: 2, stderr: `ls: cannot access '${path}': No such file or directory` }));
  host.processes.program('cat', (_, { input }) => ({ stdout: input }));
  host.processes.program('false', () => ({ code: 1 }));
  return {
    host,
    folder: '/run/suite',
    plug: async (ns, name) => host.links.plug(ns, { name }),
    unplug: async (ns, name) => host.links.unplug(ns, name),
    track: async (ns, flow) => host.conntrack.track(ns, flow),
    kill: pid => void host.processes.kill(pid),
    killMonitors: async () => {
      for (const ns of host.links.nets.keys()) host.links.gap(ns);
    },
    stays: ['sleep', '500'],
    endsAtOnce: { argv: ['ls', '/nonexistent'], words: /cannot access '\/nonexistent'/ },
    daemonises: pidFile => ['dnsmasq', `--pid-file=${pidFile}`],
    [Symbol.asyncDispose]: async () => {},
  };
}

linksContract('simulated', open);
routesContract('simulated', open);
iptablesContract('simulated', open);
packetSetsContract('simulated', open);
qdiscsContract('simulated', open);
processesContract('simulated', open);

ovsdbContract('simulated', async () => {
  const { ovsdb, links } = simHost();
  return {
    open: (connection = 'unix:/run/openvswitch/db.sock', more = {}) => ovsdb.open({ connection, ...more }),
    plug: async name => links.plug('', { name }),
    unplug: async name => links.unplug('', name),
    stopServer: async () => ovsdb.stopServer(),
    startServer: async () => ovsdb.startServer(),
    stopSwitch: async () => ovsdb.stopSwitch(),
    startSwitch: async () => ovsdb.startSwitch(),
    changeWhileAway: async operations => void (await ovsdb.transact(operations)),
    [Symbol.asyncDispose]: async () => {},
  };
});
