import assert from 'node:assert/strict';
import test from 'node:test';
import { findGateways, matchGateways } from './gateways.ts';

const gateway = (network_id: string, ip_address: string, subnet_id = `sub-${network_id}`) => ({
  network_id,
  fixed_ips: [{ subnet_id, ip_address }],
});
const a5 = gateway('a', '10.0.0.5');
const a6 = gateway('a', '10.0.0.6');
const a9 = gateway('a', '10.9.0.9', 'other');
const b5 = gateway('b', '10.1.0.5');
const at = (network_id: string, ...ips: string[]) => ({ network_id, external_fixed_ips: ips.map(ip_address => ({ ip_address })) });
const ambiguous = { type: 'UnableToMatchGateways', message: /several are on network a/ };

test('the only gateway on a network needs no address; of several the address says which', () => {
  assert.deepEqual(matchGateways('r', [{ network_id: 'b' }, { network_id: 'c' }], [a5, b5]), [b5, undefined]);
  assert.deepEqual(matchGateways('r', [at('a', '10.0.0.6')], [a5, a6]), [a6]);
  assert.throws(() => matchGateways('r', [{ network_id: 'a' }], [a5, a6]), ambiguous);
});

test('one of its addresses is enough, and an address of another network means nothing', () => {
  assert.deepEqual(matchGateways('r', [at('a', '10.0.0.77', '10.0.0.5')], [a5, a6]), [a5]);
  assert.deepEqual(matchGateways('r', [at('a', '10.1.0.5')], [a5, b5]), [undefined]);
});

test('a subnet says which where it can', () => {
  const on = (subnet_id: string) => ({ network_id: 'a', external_fixed_ips: [{ subnet_id }] });
  assert.deepEqual(matchGateways('r', [on('other')], [a5, a9]), [a9]);
  assert.deepEqual(matchGateways('r', [on('nowhere')], [a5, a9]), [undefined]);
  assert.throws(() => matchGateways('r', [on('sub-a')], [a5, a6]), ambiguous);
});

test('none stands for two, and who names an address has it first', () => {
  assert.deepEqual(matchGateways('r', [{ network_id: 'b' }, { network_id: 'b' }], [b5]), [b5, undefined]);
  assert.deepEqual(matchGateways('r', [{ network_id: 'a' }, at('a', '10.0.0.5')], [a5, a6]), [a6, a5]);
});

test('what has to be there and is not is told by its network', () => {
  assert.deepEqual(findGateways('r', [at('a', '10.0.0.6'), { network_id: 'b' }], [a5, a6, b5]), [a6, b5]);
  const missing = { type: 'UnableToMatchGateways', message: /router r: there is none on network c/ };
  assert.throws(() => findGateways('r', [{ network_id: 'c' }], [a5]), missing);
});
