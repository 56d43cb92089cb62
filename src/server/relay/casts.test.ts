import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Casts } from './casts.ts';
import { type Message, networkDelete, portDelete, routersUpdated } from './messages.ts';

function bus(name: string, said: string[], fails: (message: Message) => boolean = () => false) {
  const open: (() => void)[] = [];
  const cast = (message: Message): Promise<void> => {
    said.push(`${name} ${message.method}`);
    return new Promise((resolve, reject) => open.push(() => (fails(message) ? reject(new RangeError('no')) : resolve())));
  };
  const confirm = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve));
    for (const end of open.splice(0)) end();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { cast, confirm };
}

test('messages of one way do not wait for each other, those of another wait for them; the second bus is told what the first has taken', async () => {
  const said: string[] = [];
  const [one, two] = [bus('one', said), bus('two', said)];
  const casts = new Casts([one.cast, two.cast]);
  const all = (async () => {
    for (const message of [portDelete('p'), networkDelete('n'), routersUpdated('h', ['r']), portDelete('q')]) await casts.send(message);
    await casts.arrived();
  })();
  await one.confirm();
  assert.deepEqual(said.splice(0), ['one port_delete', 'one network_delete', 'two port_delete', 'two network_delete']);
  await two.confirm();
  assert.deepEqual(said.splice(0), ['one routers_updated']);
  for (const each of [one, two, one]) await each.confirm();
  assert.deepEqual(said, ['two routers_updated', 'one port_delete', 'two port_delete']);
  await two.confirm();
  await all;
});

test('that one could not be told is said at the end, and nothing behind it is told before that', async () => {
  const said: string[] = [];
  const one = bus('one', said, ({ method }) => method === 'network_delete');
  const two = bus('two', said);
  const casts = new Casts([one.cast, two.cast]);
  const all = (async () => {
    for (const message of [networkDelete('n'), routersUpdated('h', ['r']), portDelete('p')]) await casts.send(message);
    await casts.arrived();
  })();
  all.catch(() => {});
  await one.confirm();
  assert.deepEqual(said.splice(0), ['one network_delete']);
  await assert.rejects(all, RangeError);
  const again = (async () => {
    await casts.send(portDelete('p'));
    await casts.arrived();
  })();
  await one.confirm();
  await two.confirm();
  await again;
  assert.deepEqual(said, ['one port_delete', 'two port_delete']);
});
