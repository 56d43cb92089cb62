// An instance with a raw socket on a Linux bridge.
import { iptables } from './guards.ts';
import { antiSpoofing } from './spoofing.suite.ts';

antiSpoofing(iptables);
