// A router with several gateways on a real kernel: the first is the way in and out, and what happens to the others is no matter of its packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noSandbox } from './need.ts';
import { endWithoutLoss, type Place, startPackets } from './traffic.ts';
import { type Instance, type Made, WeftWorld } from './weft-world.ts';

interface Gateway {
  readonly network_id: string;
  readonly external_fixed_ips: readonly { readonly ip_address: string }[];
}

const publicGateway = '172.24.4.1';

describe('several gateways', { skip: noSandbox() }, () => {
  let world: WeftWorld;
  let vm: Instance;
  let router: Made;
  let outside: string;
  let floating: string;

  before(async () => {
    world = await WeftWorld.open();
    const { admin, member } = world;
    const network = await world.create(member, 'network', { name: 'green' });
    const subnet = await world.create(member, 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.2.0.0/24' });
    const [found] = (await admin.get<{ networks: Made[] }>('/networks?router:external=true')).networks;
    outside = String(found?.id);
    router = await world.create(member, 'router', { external_gateway_info: { network_id: outside } });
    await member.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const group = await world.create(member, 'security-group', { name: 'open' });
    await world.create(member, 'security-group-rule', { security_group_id: group.id, direction: 'ingress' });
    const port = await world.create(member, 'port', { network_id: network.id, security_groups: [group.id] });
    vm = await world.instance({ name: 'vm', port: port.id });
    const fip = await world.create(member, 'floatingip', { floating_network_id: outside, port_id: port.id });
    floating = String(fip['floating_ip_address']);
    await world.until('the floating IP answers', () => answers(floating));
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
  });

  const answers = async (address: string): Promise<boolean> => (await world.public('ping', '-n', '-c1', '-W1', address)).code === 0;
  const address = (g: Gateway | undefined): string => String(g?.external_fixed_ips.find(f => f.ip_address.includes('.'))?.ip_address);
  const change = async (verb: string, external_gateways: unknown): Promise<readonly Gateway[]> => {
    const path = `/routers/${router.id}/${verb}_external_gateways`;
    const { router: now } = await world.admin.put<{ router: { external_gateways: readonly Gateway[] } }>(path, {
      router: { external_gateways },
    });
    return now.external_gateways;
  };
  const at: Place = argv => world.spawn(vm, argv);

  test('others come, change places and go: no packet is missing', async t => {
    const onPublic = await world.publicPlace();
    const flows = await Promise.all([
      startPackets({ name: 'public → floating IP', from: onPublic, to: at, address: floating, port: 5001 }),
      startPackets({ name: 'instance → public', from: at, to: onPublic, address: publicGateway, port: 5002 }),
    ]);
    await sleep(500);
    const [first, second, third] = await change('add', [{ network_id: outside }, { network_id: outside }]);
    await sleep(1000);
    assert.deepEqual([await answers(address(first)), await answers(address(second))], [true, false]);
    await world.admin.put(`/routers/${router.id}`, { router: { enable_default_route_ecmp: true } });
    await change('update', [first, third, second]);
    await sleep(1000);
    assert.deepEqual(await change('remove', [second]), [first, third]);
    await sleep(1000);
    await endWithoutLoss(t, flows);
  });

  test('with the first the next one is the way in and out', async () => {
    const { router: now } = await world.admin.get<{ router: { external_gateways: readonly Gateway[] } }>(`/routers/${router.id}`);
    const [first, next] = now.external_gateways;
    assert.deepEqual(await change('remove', [first]), [next]);
    await world.until('the next gateway answers', () => answers(address(next)));
    await world.until('the floating IP answers by it', () => answers(floating));
    assert.ok(await world.pings(vm, publicGateway));
    assert.equal(await answers(address(first)), false);
  });
});
