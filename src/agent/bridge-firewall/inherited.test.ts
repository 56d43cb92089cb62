import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { emptyInherited } from './inherited.ts';

const left = `table bridge nat {
  chain neutronMAC-tap10000000-00 {
    ether saddr { fa:16:3e:00:00:01 } return
    drop
  }
  chain neutronARP-tap10000000-00 {
    drop
  }
  chain libvirt-J-vnet0 {
    drop
  }
  chain PREROUTING {
    type filter hook prerouting priority -300; policy accept;
    iifname "tap10000000-00" jump neutronMAC-tap10000000-00
    iifname "vnet0" jump libvirt-J-vnet0
  }
}
`;

test("chains of Neutron's agent are emptied, once, and those of others stay", async () => {
  const { nft } = simHost();
  await emptyInherited(nft);
  assert.equal(nft.applied.length, 0);
  await nft.apply(hostNetns, left);
  await emptyInherited(nft);
  const text = (await nft.listTable(hostNetns, 'bridge', 'nat')) ?? '';
  assert.match(text, /chain neutronMAC-tap10000000-00 \{\s*\}/);
  assert.match(text, /chain neutronARP-tap10000000-00 \{\s*\}/);
  assert.match(text, /chain libvirt-J-vnet0 \{\s*drop\s*\}/);
  assert.match(text, /jump libvirt-J-vnet0/);
  await emptyInherited(nft);
  assert.equal(nft.applied.length, 2);
});
