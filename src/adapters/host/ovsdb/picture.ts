// A picture of the tables: bridges with their ports, by name. What refers to a row that is not there is left out.
import type { OvsBridge, OvsPicture, OvsPort, OvsQos, OvsRows } from '../../../contracts/host/ovsdb.ts';
import type { OvsRow, OvsTable, Uuid } from '../../../contracts/host/ovsdb-tables.ts';
import { order } from './values.ts';

/** Bridges are put together when somebody asks for them: most pictures are only passed by. */
export function pictureOf(tables: OvsRows, revision: number): OvsPicture {
  let bridges: ReadonlyMap<string, OvsBridge> | undefined;
  let ports: ReadonlyMap<string, OvsPort> | undefined;
  return {
    revision,
    tables,
    get root() {
      const [root] = tables.Open_vSwitch.values();
      if (!root) throw new Error('the database has no row for the switch');
      return root;
    },
    get managers() {
      return found(tables, 'Manager', this.root.manager_options);
    },
    get bridges() {
      bridges ??= bridgesOf(tables, this.root);
      return bridges;
    },
    port(name) {
      ports ??= new Map([...this.bridges.values()].flatMap(bridge => [...bridge.ports]));
      return ports.get(name);
    },
  };
}

function bridgesOf(tables: OvsRows, root: OvsRow<'Open_vSwitch'>): ReadonlyMap<string, OvsBridge> {
  const rows = found(tables, 'Bridge', root.bridges).sort(byName);
  return new Map(
    rows.map(({ controller, ...row }) => {
      const ports = found(tables, 'Port', row.ports).sort(byName);
      const bridge: OvsBridge = {
        ...row,
        controllers: found(tables, 'Controller', controller).sort((a, b) => order(a.target, b.target)),
        ports: new Map(ports.map(port => [port.name, portOf(tables, row.name, port)])),
      };
      return [row.name, bridge];
    }),
  );
}

function portOf(tables: OvsRows, bridge: string, row: OvsRow<'Port'>): OvsPort {
  const qos = row.qos === undefined ? undefined : tables.QoS.get(row.qos);
  return { ...row, bridge, interfaces: found(tables, 'Interface', row.interfaces).sort(byName), qos: qos && qosOf(tables, qos) };
}

function qosOf(tables: OvsRows, row: OvsRow<'QoS'>): OvsQos {
  const queues = Object.entries(row.queues).flatMap(([number, id]) => found(tables, 'Queue', [id]).map(queue => [number, queue]));
  return { ...row, queues: Object.fromEntries(queues) };
}

function found<T extends OvsTable>(tables: OvsRows, table: T, ids: readonly Uuid[]): OvsRow<T>[] {
  const rows = tables[table] as ReadonlyMap<Uuid, OvsRow<T>>;
  return ids.flatMap(id => rows.get(id) ?? []);
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => order(a.name, b.name);
