// Security groups of Linux bridges by nftables alone.
import { firewallChanges } from './firewall-change.suite.ts';
import { iptables, nftables } from './guards.ts';
import { securityGroups } from './security-groups.suite.ts';
import { antiSpoofing } from './spoofing.suite.ts';

securityGroups(nftables);
antiSpoofing(nftables);
firewallChanges([iptables, nftables, iptables], (_, lines) => lines.filter(line => /linuxbri/.test(line)));
