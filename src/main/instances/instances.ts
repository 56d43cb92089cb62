// Instances: made, listed, deleted, and plugged again after a restart. One that fails does not keep the others from running.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceView, NewInstance } from '../../cli/control.ts';
import type { ApiClient } from '../../client/api.ts';
import type { Json } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import { ControlError } from '../control-server.ts';
import type { Place } from '../sandbox/sandbox.ts';
import { addressingOf, createPort, expectedAddresses, findOne, getPort, type Port, subnetsOf, updatePort } from './neutron.ts';
import { type InstanceRecord, type InstanceRegistry, isInstanceName } from './registry.ts';
import { openVm, tapName, type Vm } from './vm.ts';
import { bridgeOf } from './wiring.ts';

/** As Nova's default is: what an instance's port says of who uses it. */
const deviceOwner = 'compute:nova';
/** How long the L2 agent may take to wire the port before the instance is started anyway. */
const activeMs = 20_000;

export interface InstancesOptions {
  readonly api: ApiClient;
  readonly hosts: ReadonlyMap<string, Place>;
  readonly registry: InstanceRegistry;
  readonly log: Log;
}

interface Running {
  vm?: Vm;
  port?: Port;
  state: InstanceView['state'];
  why?: string;
}

export class Instances implements AsyncDisposable {
  private readonly api: ApiClient;
  private readonly hosts: ReadonlyMap<string, Place>;
  private readonly registry: InstanceRegistry;
  private readonly log: Log;
  private readonly running = new Map<string, Running>();

  constructor({ api, hosts, registry, log }: InstancesOptions) {
    this.api = api;
    this.hosts = hosts;
    this.registry = registry;
    this.log = log;
  }

  /** Plugs what an earlier run left in the state, all at once. */
  async restore(): Promise<void> {
    await Promise.all(this.registry.all().map(record => this.start(record)));
  }

  async create(wanted: NewInstance): Promise<InstanceView> {
    const name = wanted.name ?? this.registry.freeName();
    if (!isInstanceName(name))
      throw new ControlError(400, `${JSON.stringify(name)} cannot be a host name: letters, digits and "-", at most 63`);
    if (this.registry.find(name)) throw new ControlError(409, `there is an instance ${name} already`);
    const host = this.chooseHost(wanted.host);
    const id = randomUUID();
    const port = wanted.port === undefined ? await this.newPort(wanted, { id, name, host }) : await this.takePort(wanted.port, id, host);
    const record: InstanceRecord = {
      id,
      name,
      host,
      port_id: port.id,
      owns_port: wanted.port === undefined,
      user_data: wanted.user_data ?? null,
      created_at: new Date().toISOString(),
    };
    this.registry.put(record);
    const started = this.start(record);
    if (wanted.wait > 0) {
      const deadline = performance.now() + wanted.wait * 1000;
      await Promise.race([started, sleep(wanted.wait * 1000)]);
      await this.awaitAddresses(record, deadline);
    }
    return this.view(record);
  }

  async list(): Promise<InstanceView[]> {
    return Promise.all(this.registry.all().map(record => this.view(record)));
  }

  async delete(word: string): Promise<void> {
    const record = this.registry.find(word);
    if (!record) throw new ControlError(404, `no instance ${word}`);
    await this.running.get(record.id)?.vm?.[Symbol.asyncDispose]();
    this.running.delete(record.id);
    if (await getPort(this.api, record.port_id)) {
      if (record.owns_port) await this.api.delete(`/ports/${record.port_id}`);
      else await updatePort(this.api, record.port_id, { device_id: '', device_owner: '', 'binding:host_id': '' });
    }
    this.registry.remove(record.id);
  }

  /** What the metadata agent asks, by the port that a request came from: null for one that is not ours. */
  metadata(portId: string): { readonly [key: string]: Json } | null {
    const record = this.registry.all().find(candidate => candidate.port_id === portId);
    if (!record) return null;
    const { id, name, user_data } = record;
    return { instance_id: id, name, hostname: name, user_data, public_keys: {}, meta: {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The ports stay: the instances come back with the next start.
    await Promise.all([...this.running.values()].map(({ vm }) => vm?.sandbox[Symbol.asyncDispose]()));
    this.running.clear();
  }

  private chooseHost(wanted: string | undefined): string {
    if (wanted !== undefined) {
      if (!this.hosts.has(wanted)) throw new ControlError(404, `no host ${wanted}; there is ${[...this.hosts.keys()].join(', ')}`);
      return wanted;
    }
    const load = (host: string): number => this.registry.all().filter(record => record.host === host).length;
    const [least] = [...this.hosts.keys()].sort((a, b) => load(a) - load(b));
    if (least === undefined) throw new ControlError(409, 'there is no host for instances');
    return least;
  }

  private async newPort(wanted: NewInstance, { id, name, host }: { id: string; name: string; host: string }): Promise<Port> {
    if (wanted.network === undefined) throw new ControlError(400, 'name a network or a port');
    const network = await findOne(this.api, 'network', wanted.network);
    const project = wanted.project ?? network.project_id;
    const groups = await Promise.all((wanted.security_groups ?? []).map(word => findOne(this.api, 'security_group', word, project)));
    return createPort(this.api, {
      network_id: network.id,
      project_id: project,
      name,
      device_id: id,
      device_owner: deviceOwner,
      'binding:host_id': host,
      ...(wanted.security_groups ? { security_groups: groups.map(group => group.id) } : {}),
    });
  }

  private async takePort(word: string, id: string, host: string): Promise<Port> {
    const port = await findOne<Port>(this.api, 'port', word);
    if (port.device_id !== '') throw new ControlError(409, `port ${port.id} belongs to ${port.device_owner} ${port.device_id} already`);
    return updatePort(this.api, port.id, { device_id: id, device_owner: deviceOwner, 'binding:host_id': host });
  }

  /** Never rejects: what went wrong is part of the instance's state. */
  private async start(record: InstanceRecord): Promise<void> {
    const running: Running = { state: 'starting' };
    this.running.set(record.id, running);
    try {
      await this.plug(record, running);
      running.state = 'running';
    } catch (error) {
      running.state = 'stopped';
      running.why = error instanceof Error ? error.message : String(error);
      this.log.error('instance does not run', { instance: record.name, error });
    }
  }

  private async plug(record: InstanceRecord, running: Running): Promise<void> {
    const host = this.hosts.get(record.host);
    if (!host) throw new Error(`there is no host ${record.host} now`);
    const port = await getPort(this.api, record.port_id);
    if (!port) throw new Error(`its port ${record.port_id} was deleted`);
    running.port = port;
    running.vm = await openVm(host, {
      name: record.name,
      tap: tapName(port.id),
      mac: port.mac_address,
      portId: port.id,
      instanceId: record.id,
      bridge: bridgeOf(port),
    });
    void running.vm.sandbox.gone.then(() => {
      running.state = 'stopped';
      running.why ??= 'its process 1 has ended';
    });
    const active = (await this.awaitActive(port.id)) && (await running.vm.awaitWired(activeMs));
    if (!active) this.log.warning('port is not wired; the instance starts all the same', { instance: record.name, port: port.id });
    await running.vm.boot(addressingOf(port, await subnetsOf(this.api, port)));
  }

  /** Nova starts a VM when it hears that its port is wired; so do we. */
  private async awaitActive(id: string): Promise<boolean> {
    const deadline = performance.now() + activeMs;
    for (let wait = 20; performance.now() < deadline; wait = Math.min(500, wait * 1.5)) {
      const port = await getPort(this.api, id);
      if (port?.status === 'ACTIVE') return true;
      if (!port) return false;
      await sleep(wait);
    }
    return false;
  }

  private async awaitAddresses(record: InstanceRecord, deadline: number): Promise<void> {
    const running = this.running.get(record.id);
    if (!running?.vm || !running.port || running.state !== 'running') return;
    const expected = expectedAddresses(running.port, await subnetsOf(this.api, running.port));
    for (; performance.now() < deadline; await sleep(100)) {
      const has = (await running.vm.addresses()).map(address => address.split('/')[0]);
      if (expected.every(address => has.includes(address))) return;
    }
  }

  private async view(record: InstanceRecord): Promise<InstanceView> {
    const running = this.running.get(record.id);
    const { id, name, host, port_id } = record;
    return {
      id,
      name,
      host,
      port_id,
      network_id: running?.port?.network_id ?? '',
      mac_address: running?.port?.mac_address ?? '',
      fixed_ips: running?.port?.fixed_ips.map(ip => ip.ip_address) ?? [],
      addresses: (await running?.vm?.addresses()) ?? [],
      state: running?.state ?? 'stopped',
      ...(running?.why === undefined ? {} : { why: running.why }),
      ...(running?.vm ? { init: running.vm.sandbox.init.pid } : {}),
    };
  }
}
