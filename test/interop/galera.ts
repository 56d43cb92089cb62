// A Galera cluster of Debian's MariaDB on the loopback interface, for tests. A node that joins is sent the files of one that is there.
import { existsSync } from 'node:fs';
import { freePorts } from '../../src/contracts/free-port.ts';
import { mariadbKind, mariadbMissing } from '../../src/contracts/store-suite/servers/mariadb.ts';
import { type DatabaseServer, startServer } from '../../src/contracts/store-suite/servers/server.ts';

const provider = '/usr/lib/galera/libgalera_smm.so';

/** Why there can be no cluster here, or false. */
export const noGalera: string | false =
  mariadbMissing() ?? ([provider, '/usr/bin/rsync'].every(file => existsSync(file)) ? false : 'no Galera here (Debian: galera-4, rsync)');

export interface Cluster extends AsyncDisposable {
  readonly nodes: readonly DatabaseServer[];
  /** A new empty database, by these nodes in this order. */
  database(...order: readonly number[]): Promise<string>;
  /** Numbers of a node's state: wsrep_cluster_size and the like. */
  status(node: number, name: string): Promise<string>;
}

/** Where a node listens for the others, and for a state that it is sent. */
interface Ports {
  readonly group: number;
  readonly ist: number;
  readonly sst: number;
}

export async function startGalera(count: number): Promise<Cluster> {
  const stack = new AsyncDisposableStack();
  const ports: Ports[] = [];
  for (let i = 0; i < count; i++) {
    const [group, ist, sst] = (await freePorts(3)) as [number, number, number];
    ports.push({ group, ist, sst });
  }
  const nodes: DatabaseServer[] = [];
  for (let i = 0; i < count; i++) nodes.push(stack.use(await startServer(nodeKind(i, ports))));
  await nodes[0]!.admin("CREATE USER weft@'%' IDENTIFIED BY 'secret'; GRANT ALL ON `weft\\_%`.* TO weft@'%';");
  const owned = stack.move();
  return {
    nodes,
    async database(...order) {
      const url = new URL(await nodes[order[0]!]!.database());
      const hosts = order.map(node => `127.0.0.1:${nodes[node]!.port}`).join(',');
      return `${url.protocol}//${url.username}:${url.password}@${hosts}${url.pathname}`;
    },
    status: async (node, name) => (await nodes[node]!.admin(`SHOW GLOBAL STATUS LIKE '${name}';`)).trim().split('\t')[1] ?? '',
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function nodeKind(node: number, ports: readonly Ports[]): typeof mariadbKind {
  const { group, ist, sst } = ports[node]!;
  const others = ports.filter((_, i) => i < node).map(one => `127.0.0.1:${one.group}`);
  const options = [`gmcast.listen_addr=tcp://127.0.0.1:${group}`, `ist.recv_addr=127.0.0.1:${ist}`, 'gcache.size=16M'];
  const settings = [
    '--wsrep-on=ON',
    `--wsrep-provider=${provider}`,
    `--wsrep-provider-options=${options.join(';')}`,
    '--wsrep-cluster-name=weft-test',
    `--wsrep-cluster-address=gcomm://${others.join(',')}`,
    `--wsrep-node-name=node-${node}`,
    '--wsrep-node-address=127.0.0.1',
    `--wsrep-sst-receive-address=127.0.0.1:${sst}`,
    '--wsrep-sst-method=rsync',
    '--binlog-format=ROW',
    '--innodb-autoinc-lock-mode=2',
  ];
  return { ...mariadbKind, serve: (folder, port) => [...mariadbKind.serve(folder, port), ...settings] };
}
