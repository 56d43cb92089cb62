// The demonstration itself: two projects with the same addresses, a floating IP, and one packet that is refused.
import { setTimeout as sleep } from 'node:timers/promises';
import type { InstanceView } from '../control.ts';
import { Failure } from '../verb.ts';
import type { Ran, Stage } from './stage.ts';
import { addresses, buildSide, publicNetwork, type Side } from './tenant.ts';

/** For rules and floating IPs to reach the hosts, and daemons to start. */
const patienceMs = 20_000;

export async function play(stage: Stage): Promise<void> {
  const names = stage.status.hosts.map(host => host.name);
  const [web = '', client = web] = names;
  if (names.length < 2) stage.tell('There is one host only, which all instances share; "weft up --hosts 2" shows more.');
  stage.tell('The project "weft" makes a network for both families, a router, a security group, and two instances.');
  const mine = await buildSide({ stage, tenant: 'weft', prefix: 'demo' }, { web, client });
  stage.tell('The project "other" makes the same again on the same hosts, with the very same addresses.');
  const theirs = await buildSide({ stage, tenant: 'other', prefix: 'demo-other' }, { web, client });
  await pings(stage, mine);
  await sameAddresses(stage, mine, theirs);
  await floatingIp(stage, mine);
  await refusal(stage, mine);
}

async function pings(stage: Stage, { web, client }: Side): Promise<void> {
  stage.tell('The instances of "weft" reach one another, over both families.');
  for (const address of web.fixed_ips) {
    const ran = await insist(stage, client, ['ping', '-c1', '-W2', address]);
    stage.result(ran.output.split('\n').find(line => line.includes('bytes from')) ?? ran.output);
  }
}

async function sameAddresses(stage: Stage, mine: Side, theirs: Side): Promise<void> {
  stage.tell(`Each project has a web server at ${addresses.web}; each client gets the answer of its own.`);
  stage.serve(mine.web.init, server(80, 'the web server of the project weft'));
  stage.serve(theirs.web.init, server(80, 'the web server of the project other'));
  for (const [side, wanted] of [
    [mine, 'weft'],
    [theirs, 'other'],
  ] as const) {
    const ran = await insist(stage, side.client, ['curl', '-sS', '--max-time', '3', `http://${addresses.web}/`]);
    stage.result(ran.output);
    if (!ran.output.endsWith(wanted)) throw new Failure(`that was not the web server of ${wanted}`);
  }
}

async function floatingIp(stage: Stage, { web }: Side): Promise<void> {
  stage.tell('A floating IP leads from the public network to the web server of "weft".');
  stage.command(`openstack --os-cloud weft floating ip create public --port ${web.port_id}`);
  const floating = await stage.create('weft', 'floatingips', { floating_network_id: await publicNetwork(stage), port_id: web.port_id });
  const address = String(floating['floating_ip_address']);
  stage.result(address);
  const argv = ['curl', '-sS', '--max-time', '3', `http://${address}/`];
  stage.command(`weft public exec -- ${argv.join(' ')}`);
  stage.result((await until(stage, () => stage.run(stage.status.underlay, argv))).output);
}

async function refusal(stage: Stage, { web, client }: Side): Promise<void> {
  stage.tell('The security group lets in port 80 and not port 81: the same server there is not heard.');
  stage.serve(web.init, server(81, 'nobody should read this'));
  const argv = ['curl', '-sS', '--max-time', '2'];
  stage.command(`weft instance exec ${web.name} -- curl http://127.0.0.1:81/`);
  stage.result((await until(stage, () => stage.run(web.init, [...argv, 'http://127.0.0.1:81/']))).output);
  stage.command(`weft instance exec ${client.name} -- ${argv.join(' ')} http://${addresses.web}:81/`);
  const ran = await stage.run(client.init, [...argv, `http://${addresses.web}:81/`]);
  stage.result(ran.output);
  if (ran.code === 0) throw new Failure('the security group let it through');
}

/** Runs it in the instance until it succeeds. */
async function insist(stage: Stage, instance: InstanceView, argv: readonly string[]): Promise<Ran> {
  stage.command(`weft instance exec ${instance.name} -- ${argv.join(' ')}`);
  return until(stage, () => stage.run(instance.init, argv));
}

async function until(stage: Stage, attempt: () => Promise<Ran>): Promise<Ran> {
  for (const deadline = performance.now() + patienceMs; ; await sleep(200)) {
    const ran = await attempt();
    if (ran.code === 0) return ran;
    stage.check();
    if (performance.now() > deadline) throw new Failure(`that did not work: ${ran.output}`);
  }
}

/** A web server on Node.js, which is there for sure. */
function server(port: number, answer: string): string {
  return `require('node:http').createServer((q, r) => r.end(${JSON.stringify(`${answer}\n`)})).listen(${port})`;
}
