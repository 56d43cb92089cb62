// The guide of two nodes, carried out as it is written, as far as one machine goes: everything but Nova.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { mariadbMissing } from '../../src/contracts/store-suite/servers/mariadb.ts';
import { noSandbox } from '../system/need.ts';
import { noRabbit } from './rabbit.ts';
import { TwoNodes } from './two-nodes-world.ts';

const programs = { 'keystone-manage': 'keystone', uwsgi_python3: 'uwsgi-plugin-python3', openstack: 'python3-openstackclient' };
const missing = Object.entries(programs).filter(([name]) => spawnSync(name, ['--help']).error !== undefined);
const noPrograms =
  missing.length > 0 && `no ${missing.map(([name]) => name).join(', ')} here (Debian: ${missing.map(([, p]) => p).join(', ')})`;
const skip = noPrograms || (mariadbMissing() ?? false) || noRabbit || noSandbox();

describe('the guide of two nodes', { skip, timeout: 580_000 }, () => {
  let w: TwoNodes;
  before(async () => {
    w = await TwoNodes.open();
  });
  after(() => w?.[Symbol.asyncDispose]());

  test('database, users and the catalog', async () => {
    await w.makeDatabase();
    w.makeBrokerUser();
    await w.openstack('Keystone');
    assert.match(await w.cli('endpoint', 'list', '--service', 'network', '-f', 'value', '-c', 'URL'), new RegExp(`^(?:${w.url}\\n){3}$`));
  });

  test('the files are right, the tables are made, and the server serves', async () => {
    for (const node of ['controller', 'compute node'] as const) assert.match(await w.check(node), /it would work: 0 errors, 0 warnings\n$/);
    await w.upgradeDatabase();
    await w.serve();
    assert.match(await w.cli('extension', 'list', '--network', '-f', 'value', '-c', 'Alias'), /^router$/m);
    assert.equal((await fetch(`${w.url}/v2.0/networks`)).status, 401);
  });

  test('the agents of both nodes are in the list', async () => {
    w.startAgent('controller', 'linuxbridge', 'plugins/ml2/linuxbridge_agent.ini');
    for (const kind of ['dhcp', 'l3', 'metadata']) w.startAgent('controller', kind, `${kind}_agent.ini`);
    w.startAgent('compute node', 'linuxbridge', 'plugins/ml2/linuxbridge_agent.ini');
    const api = await w.api();
    await w.until('five agents', async () => (await api.listOnce('agents?alive=true')).length === 5);
    const listed = JSON.parse(await w.cli('network', 'agent', 'list', '-f', 'json')) as { Host: string; 'Agent Type': string }[];
    assert.deepEqual(listed.map(agent => `${agent.Host} ${agent['Agent Type']}`).sort(), [
      'h1 DHCP agent',
      'h1 L3 agent',
      'h1 Linux bridge agent',
      'h1 Metadata agent',
      'h2 Linux bridge agent',
    ]);
  });

  test('the networks of the guide: instances on both nodes reach each other, and one is reached from the provider network', async () => {
    await w.openstack('The provider network');
    await w.openstack('A self-service network');
    const api = await w.api();
    const named = async (name: string): Promise<string> => String((await api.list(`networks?name=${name}`))[0]?.id);
    const [one, two] = [
      await w.instance('controller', await named('selfservice')),
      await w.instance('compute node', await named('selfservice')),
    ];
    await w.until('an instance reaches the other', async () => (await w.ping(one.vm, two.address)) === 0);
    const floating = JSON.parse(await w.cli('floating', 'ip', 'create', 'provider', '--port', two.port.id, '-f', 'json')) as Record<
      string,
      string
    >;
    const address = String(floating['floating_ip_address']);
    assert.match(address, /^172\.24\.4\.(1\d\d|2[0-4]\d|250)$/);
    await w.until('the floating IP is reached', async () => (await w.fromOutside('ping', '-n', '-c1', '-W1', address)).code === 0);
    const direct = await w.instance('compute node', await named('provider'));
    await w.until(
      'an instance of the provider network',
      async () => (await w.fromOutside('ping', '-n', '-c1', '-W1', direct.address)).code === 0,
    );
  });
});
