// Security groups of Open vSwitch by iptables, with each tap in a Linux bridge of its own.
import { firewallChanges } from './firewall-change.suite.ts';
import { hybridByFlows, iptablesHybrid } from './guards.ts';
import { securityGroups } from './security-groups.suite.ts';
import { antiSpoofing } from './spoofing.suite.ts';

securityGroups(iptablesHybrid);
antiSpoofing(iptablesHybrid);

// Ports that are plugged by Linux bridges stay so.
firewallChanges([iptablesHybrid, hybridByFlows, iptablesHybrid], (guard, lines) =>
  lines.filter(line =>
    (guard.kind === 'hybrid' && guard.name === 'iptables_hybrid' ? /openvswi/ : /table=(71|72|81|82), .*reg5/).test(line),
  ),
);
