// What this machine's kernel may lack is tried in one small guest, whose kernel has it: 802.1Q devices below Linux bridges, and the datapath of
// Open vSwitch.
import { test } from 'node:test';
import { patience } from '../interop/agents/needs.ts';
import { tellOf, testing } from './guests/results.ts';
import { inGuest, noGuest } from './guests/tcg.ts';
import { noSandbox, noSwitch } from './need.ts';

const modules = ['veth', 'bridge', 'br_netfilter', '8021q', 'nf_tables', 'openvswitch', 'vport-vxlan'];
const files = ['openvswitch-kernel.ts', 'linuxbridge-vlans.ts'];

test('in a guest', { skip: noSandbox() || noSwitch() || noGuest(), timeout: 580_000 * patience }, async t => {
  await tellOf(t, await inGuest(files.map(testing), { modules, memory: '1024M', withinMs: 500_000 * patience }));
});
