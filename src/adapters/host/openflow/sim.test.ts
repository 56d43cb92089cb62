// The simulator passes the suite of the door, whose flows have every field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openflowContract } from '../../../contracts/host/openflow.suite.ts';
import { sampleFlows } from '../../../contracts/host/openflow-flows.suite.ts';
import { fieldNames } from '../../../domain/openflow/fields.ts';
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

test('every field is in a flow of the suite', () => {
  const text = JSON.stringify(sampleFlows, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  assert.deepEqual(
    fieldNames.filter(name => !text.includes(`"${name}"`)),
    [],
  );
});
