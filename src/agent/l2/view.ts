// What the agent knows: devices that are here, the server's word on each, groups with their members, and what l2population told.
import { Doubts } from '../desired/l2-doubts.ts';
import { emptyFdb, type FdbState } from '../desired/l2-fdb.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import type { WireRule } from '../render/security-rules.ts';
import { Members } from './members.ts';
import { type Answer, type GroupRules, isUuid, type NameOf, type SecurityDevice, type SecurityInfo } from './wire.ts';

export interface Device {
  readonly name: string;
  /** Grows whenever something is heard that makes the server's last word stale; `asked` is its value when that word was asked for. */
  heard: number;
  asked: number;
  answer: Answer | undefined;
  security: SecurityDevice | undefined;
  /** Of its port, by the newest message. */
  revision: number;
  /** What the server was told last, since its last word. */
  reported: 'up' | 'down' | undefined;
}

export class View {
  readonly devices = new Map<string, Device>();
  readonly groups = new Map<string, readonly WireRule[]>();
  readonly members = new Members();
  /** Of groups whose rules were told since they were asked for. */
  readonly revisions = new Map<string, number>();
  readonly fdb = new Map<string, FdbState>();
  /** Of `fdb`: what may be gone. */
  readonly doubts = new Doubts();
  /** Devices that are gone, of which the server must be told. */
  readonly gone = new Set<string>();
  readonly dirtyGroups = new Set<string>();
  /** Of these: what their rules have been meanwhile is not known. */
  readonly unsureGroups = new Set<string>();
  /** Devices of which only the security is to be asked for anew. */
  readonly dirtyDevices = new Set<string>();
  /** Every device's security is to be asked for anew: messages may have been lost. */
  allSecurityStale = false;
  /** Questions are on their way: an answer may be older than a message that overtakes it. */
  asking = 0;
  /** What the device of a port is called here. */
  readonly nameOf: NameOf;

  constructor(nameOf: NameOf) {
    this.nameOf = nameOf;
  }

  /** The device of a port that is here. */
  ofPort(portId: unknown): Device | undefined {
    return isUuid(portId) ? this.devices.get(this.nameOf(portId)) : undefined;
  }

  /** Answers whether the device is new. */
  appeared(name: string): boolean {
    if (this.devices.has(name)) return false;
    this.devices.set(name, { name, heard: 1, asked: 0, answer: undefined, security: undefined, revision: -1, reported: undefined });
    this.gone.delete(name);
    return true;
  }

  /** Devices that are on the host now; answers whether any came or went. */
  setPresent(names: ReadonlySet<string>): boolean {
    let changed = false;
    for (const name of names) if (this.appeared(name)) changed = true;
    for (const [name, device] of this.devices) {
      if (names.has(name)) continue;
      this.devices.delete(name);
      if (device.answer?.kind === 'port') this.gone.add(name);
      changed = true;
    }
    return changed;
  }

  stale(): Device[] {
    return [...this.devices.values()].filter(d => d.heard > d.asked);
  }

  /** Makes the server's word on a device stale; answers whether the device is here. */
  touch(name: string): boolean {
    const device = this.devices.get(name);
    if (device) device.heard++;
    return device !== undefined;
  }

  touchAll(): void {
    for (const device of this.devices.values()) device.heard++;
  }

  /** Devices that are not wired, of which the server may think differently by now; to ask for them has no effect on their ports. */
  touchUnwired(): void {
    for (const device of this.devices.values()) {
      if (device.answer?.kind === 'unknown' || device.answer?.kind === 'inactive') device.heard++;
      else if (device.answer?.kind === 'port' && device.answer.details.port_security_enabled && !device.security)
        this.dirtyDevices.add(device.name);
    }
  }

  details(device: Device): PortDetails | undefined {
    return device.answer?.kind === 'port' ? device.answer.details : undefined;
  }

  ports(): PortDetails[] {
    return [...this.devices.values()].flatMap(d => (d.answer?.kind === 'port' ? [d.answer.details] : []));
  }

  /**
   * Takes in the answer to a question about all of a device's security, or about some groups only. `known` are groups whose members were not
   * asked for.
   */
  takeSecurity(info: SecurityInfo, asked: readonly Device[], known: ReadonlySet<string> = new Set()): void {
    const takeRules = (id: string, rules: readonly WireRule[]): unknown => this.groups.set(id, asBefore(this.groups.get(id), rules));
    for (const [id, rules] of info.groups) {
      takeRules(id, rules);
      this.revisions.delete(id);
    }
    for (const [id, members] of info.members) if (this.members.set(id, members)) this.dirtyGroups.add(id);
    for (const device of asked) {
      device.security = asBefore(device.security, info.devices.get(device.name));
      // What an answer leaves out is empty: it must not live on from an older answer.
      for (const id of device.security?.security_groups ?? []) if (!info.groups.has(id)) takeRules(id, []);
      for (const id of device.security ? this.remoteGroups(device.security) : []) {
        if (info.members.has(id)) continue;
        if (!known.has(id)) this.members.set(id, []);
        // It was known, and was dropped meanwhile.
        else if (!this.members.has(id)) this.dirtyGroups.add(id);
      }
    }
    this.prune();
  }

  /** The rules of a group as they are now: taken, older than what is known, or to be asked for, since they name others whose members are not known. */
  tellRules({ id, revision, rules }: GroupRules): 'taken' | 'late' | 'ask' {
    if (revision < (this.revisions.get(id) ?? 0)) return 'late';
    const named = this.surelyNamed();
    if (![...remoteOf(rules)].every(other => named.has(other) && this.members.has(other))) return 'ask';
    this.revisions.set(id, revision);
    this.groups.set(id, asBefore(this.groups.get(id), rules));
    this.prune();
    return 'taken';
  }

  fdbOf(network: string): FdbState {
    const state = this.fdb.get(network) ?? emptyFdb();
    this.fdb.set(network, state);
    return state;
  }

  /** Whether rules of a group name all others that it named. */
  namesAsMany({ id, rules }: GroupRules): boolean {
    const named = remoteOf(rules);
    return [...remoteOf(this.groups.get(id) ?? [])].every(other => named.has(other));
  }

  /** Groups that a device's rules name as the other side. */
  remoteGroups(device: SecurityDevice): Set<string> {
    return remoteOf([...device.provider_rules, ...device.security_groups.flatMap(g => this.groups.get(g) ?? [])]);
  }

  /** Groups whose members need not be told again. */
  knownMembers(): string[] {
    const named = this.surelyNamed();
    return this.members.known().filter(id => named.has(id));
  }

  /**
   * Groups of which this host has heard all there was to hear since they were asked for: the server tells only hosts with ports that name them, and these have been so
   * without a break. What a port that has gone, or that is to be asked about, named is known no more.
   */
  private surelyNamed(): Set<string> {
    const sure = [...this.devices.values()].filter(
      d => d.answer?.kind === 'port' && d.heard === d.asked && !this.dirtyDevices.has(d.name) && !this.allSecurityStale,
    );
    const groups = new Set(sure.flatMap(d => d.security?.security_groups ?? []));
    return remoteOf([...groups].flatMap(id => (this.unsureGroups.has(id) ? [] : (this.groups.get(id) ?? []))));
  }

  private prune(): void {
    const secured = [...this.devices.values()].flatMap(d => (d.security ? [d.security] : []));
    const groups = new Set(secured.flatMap(s => s.security_groups));
    const remote = new Set(secured.flatMap(s => [...this.remoteGroups(s)]));
    for (const id of this.groups.keys()) if (!groups.has(id)) this.groups.delete(id);
    for (const id of this.revisions.keys()) if (!groups.has(id)) this.revisions.delete(id);
    this.members.keepOnly(remote);
  }
}

const remoteOf = (rules: readonly WireRule[]): Set<string> =>
  new Set(rules.flatMap(r => [r.remote_group_id, r.remote_address_group_id]).filter(g => typeof g === 'string'));

/** What is told again as it was stays the same value, so that what was made of it need not be made anew. Plain JSON. */
function asBefore<T>(before: T | undefined, now: T): T {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
