// Weft's shapes: everything embedded, or on a database server and RabbitMQ, with the real server's Keystone where there is one.
import { Rabbit, rabbitPassword, rabbitUser } from '../../interop/rabbit.ts';
import { startDurable } from './databases.ts';
import type { Peer } from './peer.ts';
import type { WeftShape } from './servers.ts';

export const shapes = ['embedded', 'mariadb', 'postgres'] as const;
export type Shape = (typeof shapes)[number];

/** What a server of that shape stands on is started; it ends with the stack. */
export async function ground(
  name: Shape,
  peer: Peer | undefined,
  nodeOptions: readonly string[],
  stack: AsyncDisposableStack,
): Promise<WeftShape> {
  if (name === 'embedded') return { name, config: '', beside: [], nodeOptions };
  const rabbit = stack.use(await Rabbit.start());
  const database = await databaseOf(name, peer, stack);
  return {
    name,
    config: engineConfig(database.url, rabbit) + (peer ? `[DEFAULT]\nauth_strategy = keystone\n${peer.shared.identity}\n` : ''),
    beside: [...database.processes, rabbit.pid!, ...(peer?.identity ?? [])],
    nodeOptions,
    ...(peer ? { account: peer.account } : {}),
  };
}

/** On a virtual host that no other server has. */
export const engineConfig = (database: string, rabbit: Rabbit, virtualHost = 'v0'): string =>
  [
    '[DEFAULT]',
    `transport_url = rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/${virtualHost}`,
    `[database]\nconnection = ${database}`,
    '',
  ].join('\n');

interface Database {
  readonly url: string;
  readonly processes: readonly number[];
}

/** MariaDB is the real server's own, with its settings, where there is one. */
async function databaseOf(shape: 'mariadb' | 'postgres', peer: Peer | undefined, stack: AsyncDisposableStack): Promise<Database> {
  if (shape === 'mariadb' && peer) return { url: peer.shared.database, processes: peer.database };
  const server = stack.use(await startDurable(shape));
  return { url: await server.database(), processes: [server.pid!] };
}
