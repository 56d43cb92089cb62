// Statements that do not wait for one another are one write to the server.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import { sendTogether } from './together.ts';

test('what is sent in one go is one write, and what comes later another', async () => {
  const writes: string[] = [];
  const socket = new Writable({
    write: (chunk, _encoding, done) => {
      writes.push(String(chunk));
      done();
    },
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join());
      done();
    },
  });
  const send = (text: string): void => {
    sendTogether(socket);
    socket.write(text);
  };
  send('a');
  send('b');
  await soon();
  send('c');
  await soon();
  assert.deepEqual(writes, ['a,b', 'c']);
});
