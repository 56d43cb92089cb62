// A connection to MariaDB: what is sent without waiting goes out as one, and one that is ended ends all that it was asked.
import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { Session } from '../remote/engine.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { parseUrl } from '../remote/url.ts';
import { writesOf } from '../remote/writes.suite.ts';
import { mariadbGround } from './ground.suite.ts';

/** Something before the server that can fall silent, with nothing lost that would end a connection. */
async function silenceable(to: number) {
  let silent = false;
  const sockets: Socket[] = [];
  const listener = createServer(near => {
    const far = connect(to, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const)
      from.on('data', data => silent || into.write(data)).on('error', () => {});
    sockets.push(near, far);
  });
  await new Promise<void>(done => listener.listen(0, '127.0.0.1', done));
  return {
    port: (listener.address() as { port: number }).port,
    fallSilent: () => {
      silent = true;
    },
    [Symbol.dispose]: () => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('mariadb: a connection', { skip: skipOf(mariadbGround) }, () => {
  const server = serverOf(mariadbGround);
  const { engine } = mariadbGround;

  async function open(url: string, node = parseUrl(url).nodes[0]!): Promise<Session & Disposable> {
    const session = await engine.connect(parseUrl(url), node);
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
  }

  const isLost = (error: unknown): boolean => engine.trouble(error) === 'lost';

  test('one that is ended while a statement waits for others fails that, and those behind it', async () => {
    const url = await (await server()).database();
    using holder = await open(url);
    using session = await open(url);
    await holder.run('CREATE TABLE things (id VARCHAR(10) PRIMARY KEY) ENGINE=InnoDB');
    await holder.run("INSERT INTO things VALUES ('a')");
    await holder.begin();
    await holder.run('SELECT id FROM things FOR UPDATE');
    const sent = [session.begin(), session.run('SELECT id FROM things FOR UPDATE'), session.commit()];
    await sent[0];
    session.destroy();
    for (const answer of sent.slice(1)) await assert.rejects(answer, isLost);
    await assert.rejects(session.run('SELECT 1'), isLost);
  });

  test('one to a server that is out of reach can be ended', async () => {
    const at = await server();
    using between = await silenceable(at.port);
    using session = await open(await at.database(), { host: '127.0.0.1', port: between.port });
    await session.run('SELECT 1');
    between.fallSilent();
    const answer = session.run('SELECT 2');
    session.destroy();
    await assert.rejects(answer, isLost);
  });

  test('statements that do not wait for one another are one write', async () => {
    using session = await open(await (await server()).database());
    const writes = await writesOf(() =>
      Promise.all([session.run('SELECT 1'), session.query({ text: 'SELECT ?', binds: [2] }), session.run('SELECT 3')]),
    );
    assert.equal(writes, 1);
  });
});
