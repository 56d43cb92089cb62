// Which members an agent asks for again: all that its host may have missed. A server of ours tells members only to hosts with ports whose groups name theirs at that moment.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Bus, BusServer, Json } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import { tapOf, uuid } from './fake-server.suite.ts';
import { serveTopics } from './intake.ts';
import { refresh } from './refresh.ts';
import { Server } from './server.ts';
import { View } from './view.ts';

const log = { error: assert.fail } as unknown as Log;
/** The group of the ports here, and the one that its rules name. */
const [own, named] = [uuid(0xcc, 1), uuid(0xcc, 2)];
const naming = [{ direction: 'ingress', ethertype: 'IPv4', remote_group_id: named }];
const [first, second] = [uuid(0xa0, 1), uuid(0xa0, 2)];
type Args = Readonly<Record<string, Json>>;

/** What the server knows. */
let cloud: { groups: Record<string, string[]>; rules: Record<string, object[]>; members: Record<string, [number, ...string[]]> };
let view: View;
let server: Server;
let asked: Args[];
let methods: Readonly<Record<string, (args: Args) => void>>;
/** Called when an answer has been made, and is on its way. */
let overtaking: () => void;

const portOf = (id: string): object => ({
  ...{ id, network_id: uuid(0xee, 1), mac_address: 'fa:16:3e:00:00:01', admin_state_up: true, device_owner: 'compute:nova' },
  ...{ port_security_enabled: true, fixed_ips: [], allowed_address_pairs: [], security_groups: cloud.groups[id], status: 'ACTIVE' },
});

function answer(method: string, args: Args): unknown {
  const ids = Object.keys(cloud.groups).filter(id => (args['devices'] as string[]).includes(tapOf(id)));
  if (method === 'get_devices_details_list')
    return ids.map(id => ({ ...portOf(id), port_id: id, device: tapOf(id), network_type: 'flat', mtu: 1500 }));
  asked.push(args);
  const groups = [...new Set(ids.flatMap(id => cloud.groups[id]!))];
  const tells = JSON.stringify(groups.map(g => cloud.rules[g])).includes(named) && !(args['without_members'] as string[]).includes(named);
  return {
    devices: Object.fromEntries(ids.map(id => [id, portOf(id)])),
    security_groups: Object.fromEntries(groups.map(g => [g, cloud.rules[g]])),
    sg_member_ips: {},
    sg_member_ports: tells ? { [named]: cloud.members } : {},
  };
}

const bus = {
  async call(_: unknown, method: string, args: Args) {
    await setImmediate();
    const text = JSON.stringify(answer(method, args));
    if (method === 'security_group_info_for_devices') {
      const act = overtaking;
      overtaking = () => {};
      act();
    }
    return JSON.parse(text) as Json;
  },
  async serve({ endpoints }: BusServer) {
    methods = { ...methods, ...(endpoints[0]?.methods as typeof methods) };
    return { async [Symbol.asyncDispose]() {} };
  },
} as unknown as Bus;

const update = (): Promise<void> => refresh(view, server, log);
const rulesTold = (revision: number, rules: object[] | undefined): void =>
  methods['security_groups_rule_updated']!({
    security_groups: [own],
    rules: rules ? [{ id: own, revision, rules }] : [],
  } as unknown as Args);
const portTold = (id: string): void => methods['port_update']!({ port: portOf(id) } as unknown as Args);
const has = (): readonly string[] => [...(view.members.get(named) ?? [])].sort();
const withMembers = (): boolean => !(asked.at(-1)!['without_members'] as string[]).includes(named);

beforeEach(async () => {
  cloud = { groups: { [first]: [own] }, rules: { [own]: naming, [named]: [] }, members: { m1: [1, '10.0.0.1'] } };
  asked = [];
  methods = {};
  overtaking = () => {};
  view = new View(tapOf);
  server = new Server(bus, 'h1', 'agent', tapOf);
  await serveTopics(bus, { view, host: 'h1', population: undefined, mark() {} });
  view.setPresent(new Set([tapOf(first)]));
  await update();
  assert.deepEqual(has(), ['10.0.0.1']);
});

/** Nobody tells this host of it. */
const missed = (): void => {
  cloud.members = { m2: [1, '10.0.0.2'] };
};

describe('members are told once, and again when they may have been missed', () => {
  test('a port beside one that is here costs no members', async () => {
    cloud.groups[second] = [own];
    view.setPresent(new Set([tapOf(first), tapOf(second)]));
    await update();
    assert.equal(withMembers(), false);
  });

  test('the last port that named the group has gone, and another comes', async () => {
    view.setPresent(new Set());
    missed();
    cloud.groups = { [second]: [own] };
    view.setPresent(new Set([tapOf(second)]));
    await update();
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('the last port that named the group has gone, and a rule of another names it', async () => {
    const other = uuid(0xcc, 3);
    cloud.rules[other] = [];
    cloud.groups = { [first]: [own], [second]: [other] };
    view.setPresent(new Set([tapOf(first), tapOf(second)]));
    await update();
    view.setPresent(new Set([tapOf(second)]));
    missed();
    cloud.rules[other] = naming;
    methods['security_groups_rule_updated']!({
      security_groups: [other],
      rules: [{ id: other, revision: 2, rules: naming }],
    } as unknown as Args);
    await update();
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('the port was bound elsewhere meanwhile', async () => {
    missed();
    view.touch(tapOf(first));
    await update();
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('the port was in no group meanwhile', async () => {
    cloud.groups[first] = [];
    portTold(first);
    missed();
    cloud.groups[first] = [own];
    await update();
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  for (const rules of [[], undefined])
    test(`rules did not name the group meanwhile, which was ${rules ? '' : 'not '}told while the server was asked`, async () => {
      overtaking = () => {
        rulesTold(2, rules);
        missed();
        rulesTold(3, naming);
      };
      view.dirtyDevices.add(tapOf(first));
      await update();
      assert.deepEqual(has(), ['10.0.0.2']);
    });

  test('a rule more that names another group costs no members of this one', async () => {
    cloud.rules[own] = [...naming, { direction: 'ingress', ethertype: 'IPv4', remote_group_id: uuid(0xcc, 4) }];
    rulesTold(2, cloud.rules[own]);
    await update();
    assert.deepEqual([view.groups.get(own)?.length, withMembers()], [2, false]);
  });

  test('a server that does not say what changed spoke while another was asked', async () => {
    const changed = (): void => methods['security_groups_member_updated']!({ security_groups: [named] });
    changed();
    overtaking = () => {
      missed();
      changed();
    };
    await update();
    assert.deepEqual(has(), ['10.0.0.2']);
  });

  test('groups of a port that were changed and changed back while the server was asked', async () => {
    cloud.groups[first] = [named];
    portTold(first);
    overtaking = () => {
      cloud.groups[first] = [own];
      portTold(first);
    };
    await update();
    await update();
    assert.deepEqual(view.devices.get(tapOf(first))?.security?.security_groups, [own]);
  });
});
