import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Casts } from './casts.ts';
import { groupMembersUpdated, type Message, networkDelete, portDelete, routersUpdated } from './messages.ts';

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

test('after a failure each is told by itself, as what was too much together is not for one; then together again', async () => {
  let [underWay, most] = [0, 0];
  const cast = async (): Promise<void> => {
    most = Math.max(most, ++underWay);
    await new Promise(resolve => setImmediate(resolve));
    const isTooMuch = underWay > 1;
    await new Promise(resolve => setImmediate(resolve));
    underWay--;
    if (isTooMuch && isWeak) throw new RangeError('too much');
  };
  let isWeak = true;
  const casts = new Casts([cast]);
  const tellAll = async (): Promise<number> => {
    most = 0;
    casts.begin(() => Promise.resolve());
    for (let i = 0; i < 120; i++) await casts.send(portDelete(`p${i}`));
    await casts.arrived();
    return most;
  };
  await assert.rejects(tellAll(), RangeError);
  assert.equal(await tellAll(), 1);
  isWeak = false;
  assert.equal(await tellAll(), 50);
});

test('what is for several by their names waits for what is for others of them, since some buses hand it over one by one', async () => {
  const said: string[] = [];
  const one = bus('one', said);
  const casts = new Casts([one.cast]);
  const all = (async () => {
    for (const hosts of [['a', 'b'], ['a', 'b'], ['b']]) await casts.send(groupMembersUpdated(['g'], [], hosts));
    await casts.arrived();
  })();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(said.length, 2);
  await one.confirm();
  assert.equal(said.length, 3);
  await one.confirm();
  await all;
});

test('what waits while another process takes over is not told, since that one has told what became of it', async () => {
  const said: string[] = [];
  const one = bus('one', said);
  const casts = new Casts([one.cast]);
  let isOurs = true;
  casts.begin(async () => {
    if (!isOurs) throw new RangeError('gone');
  });
  await casts.send(portDelete('p'));
  isOurs = false;
  await assert.rejects(casts.arrived(), RangeError);
  assert.deepEqual(said, []);
});
