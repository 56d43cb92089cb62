import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { deviceStatistics } from './statistics.ts';

test('counters of devices as the kernel writes them; a port sends what its device receives', async () => {
  const host = simHost();
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
tap00000001-00:1099511627776    2    3    4    5     6          7         8        9      10   11   12   13    14      15         16
`;
  await host.files.write('/proc/net/dev', table);
  const statistics = await deviceStatistics(host.files);
  assert.deepEqual([...statistics.keys()], ['lo', 'tap00000001-00']);
  assert.deepEqual(statistics.get('tap00000001-00'), {
    device: 'tap00000001-00',
    egress: { bytes: 1099511627776, packets: 2, errors: 3, dropped: 4 },
    ingress: { bytes: 9, packets: 10, errors: 11, dropped: 12 },
  });
});

test('without the table there are no counters', async () => assert.equal((await deviceStatistics(simHost().files)).size, 0));
