import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { write } from './write.ts';

const { createServer } = process.getBuiltinModule('node:http');

test('whoever has gone before his answer is there is no error, however long it is', async () => {
  for (const things of [['short'], Array.from({ length: 2000 }, (_, i) => i)]) {
    const written = Promise.withResolvers<void>();
    await using server = createServer((request, response) => {
      request.once('close', () => {
        setImmediate(() => {
          try {
            assert.ok(response.destroyed);
            written.resolve(write(response, { status: 200, json: { things } }, {}));
          } catch (error) {
            written.reject(error);
          }
        });
      });
      line.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const line = connect((server.address() as AddressInfo).port, '127.0.0.1');
    line.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await written.promise;
  }
});
