import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseAddress, ensureBridgeFilter } from './prepare.ts';

test('br_netfilter is loaded where it is not, and a machine that cannot is refused', async () => {
  let loaded = false;
  const load = async (): Promise<string> => {
    loaded = true;
    return '';
  };
  await ensureBridgeFilter(() => true, load);
  assert.equal(loaded, false);
  await ensureBridgeFilter(() => loaded, load);
  assert.equal(loaded, true);
  await assert.rejects(
    ensureBridgeFilter(
      () => false,
      async () => 'modprobe: FATAL: Module br_netfilter not found',
    ),
    /br_netfilter is not there \(modprobe: FATAL: .*\)\. Load it/,
  );
});

const address = (ifname: string, local: string) => ({ ifname, addr_info: [{ local, scope: ifname === 'lo' ? 'host' : 'global' }] });
const devices = [address('lo', '127.0.0.1'), address('eth0', '192.0.2.7'), address('eth1', '198.51.100.7')];

test('the address of tunnels is the one that is named, or that of the default route', () => {
  assert.equal(chooseAddress('198.51.100.7', devices, []), '198.51.100.7');
  assert.equal(chooseAddress(undefined, devices, [{ dev: 'eth0' }]), '192.0.2.7');
  assert.equal(chooseAddress(undefined, devices, [{ dev: 'eth0', prefsrc: '192.0.2.8' }]), '192.0.2.8');
  assert.throws(() => chooseAddress('127.0.0.1', devices, []), /is not an address of this machine; it has 192\.0\.2\.7, 198\.51\.100\.7/);
  assert.throws(() => chooseAddress(undefined, devices, []), /--local-ip/);
});
