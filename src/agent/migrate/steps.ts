// The steps of a move, forward and back. Each may be done again after any part of it was done: it looks, and does what is missing.
import { hostNetns } from '../../contracts/host/netns.ts';
import { removeFilters } from '../bridge-firewall/removal.ts';
import { bridgeName } from '../desired/linuxbridge-names.ts';
import type { Move, MovedTap } from '../desired/migrate/move.ts';
import { planMove } from '../desired/migrate/plan.ts';
import { type CloudAgent, linuxBridgeAgent, openvswitchAgent, unplugged } from '../desired/migrate/situation.ts';
import { backWords, forwardWords } from '../desired/migrate/words.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import { changeBack, changeOver, switchBridges } from './change-over.ts';
import { cleanLinuxBridges } from './clean.ts';
import { type Doors, type L2Kind, MoveStopped } from './doors.ts';
import type { Journal } from './journal.ts';
import { lookAround } from './look.ts';
import { plugAgain } from './plug-again.ts';

export interface Step {
  readonly name: string;
  readonly words: string;
  /** Before anything is touched: what the journal is to say of it. */
  prepare?(journal: Journal): Promise<Journal>;
  run(journal: Journal): Promise<void>;
}

const lookMs = 300;
const hintMs = 2000;

/** What a person is told when no command starts and stops the agents. */
const unit: Readonly<Record<L2Kind, string>> = { linuxbridge: 'neutron-linuxbridge-agent', openvswitch: 'neutron-openvswitch-agent' };
const typeOf: Readonly<Record<L2Kind, string>> = { linuxbridge: linuxBridgeAgent, openvswitch: openvswitchAgent };

export function forwardSteps(doors: Doors): Step[] {
  const step = (name: keyof typeof forwardWords, run: Step['run'], prepare?: Step['prepare']): Step => ({
    ...{ name, words: forwardWords[name], run },
    ...(prepare ? { prepare } : {}),
  });
  return [
    step('bridges', async ({ move }) => void (await doors.session.apply(switchBridges(move), { comment: 'weft migrate l2: bridges' }))),
    step('start', () => starts(doors, 'openvswitch')),
    step('retire', () => retires(doors, 'linuxbridge')),
    step('bindings', () => takes(doors, 'openvswitch', 'linuxbridge')),
    step(
      'taps',
      async ({ move }) => {
        for (const note of await changeOver(doors, move)) doors.say(`   ${note}`);
      },
      journal => anew(doors, journal),
    ),
    step('wired', ({ move }) => wired(doors, move, 'Open vSwitch', () => tagged(doors, move))),
    step(
      'clean',
      async ({ move }) => {
        for (const kept of await cleanLinuxBridges(doors.host, move)) doors.say(`   kept ${kept}`);
        await removeFilters(doors.host, linuxbridgeNames);
      },
      async journal => ({ ...journal, cleaned: true }),
    ),
    step('record', async () => {
      const old = await agentOf(doors, 'linuxbridge');
      if (old) await doors.cloud.removeAgent(old.id);
    }),
  ];
}

export function backSteps(doors: Doors): Step[] {
  const step = (name: keyof typeof backWords, run: Step['run'], prepare?: Step['prepare']): Step => ({
    ...{ name: `back ${name}`, words: backWords[name], run },
    ...(prepare ? { prepare } : {}),
  });
  return [
    step('stop', () => retires(doors, 'openvswitch')),
    step(
      'taps',
      async ({ move, cleaned }) => {
        await changeBack(doors, move, !cleaned);
        await doors.host.files.remove(doors.portsFile);
      },
      journal => withLate(doors, journal),
    ),
    step('start', () => starts(doors, 'linuxbridge')),
    step('bindings', () => takes(doors, 'linuxbridge', 'openvswitch')),
    step('wired', ({ move }) =>
      wired(doors, move, 'Linux bridges', async () => {
        await plugAgain(doors.host, move);
        return bridged(doors, move);
      }),
    ),
    step('clean', ({ move }) => cleanSwitch(doors, move)),
  ];
}

async function agentOf({ cloud }: Doors, kind: L2Kind): Promise<CloudAgent | undefined> {
  return (await cloud.agents()).find(a => a.agent_type === typeOf[kind]);
}

/** It runs here, is switched on, and the API knows that it lives. */
async function starts(doors: Doors, kind: L2Kind): Promise<void> {
  const { units, cloud } = doors;
  const there = await agentOf(doors, kind);
  if (there && !there.admin_state_up) await cloud.switchAgent(there.id, true);
  if (!units.runs(kind)) await units.command?.start(kind);
  await until(doors, `start ${unit[kind]} on this host`, async () => {
    const agent = await agentOf(doors, kind);
    if (agent && !agent.admin_state_up) await cloud.switchAgent(agent.id, true);
    return units.runs(kind) && agent?.alive === true && agent.admin_state_up;
  });
}

async function retires(doors: Doors, kind: L2Kind): Promise<void> {
  const { units, cloud } = doors;
  const agent = await agentOf(doors, kind);
  if (agent?.admin_state_up) await cloud.switchAgent(agent.id, false);
  // Also one that does not run: the start of a life of ours that was killed may still be under way.
  await units.command?.stop(kind);
  await until(doors, `stop ${unit[kind]} on this host`, async () => !units.runs(kind));
}

async function takes(doors: Doors, to: L2Kind, from: L2Kind): Promise<void> {
  const [taker, giver] = [await agentOf(doors, to), await agentOf(doors, from)];
  if (!taker) throw new MoveStopped(`the API knows no ${typeOf[to]} on ${doors.hostName}`);
  // On the way back from the very beginning there may never have been one.
  if (!giver) return;
  const left = (await doors.cloud.take(taker.id, giver.id)).filter(v => v.outcome === 'left' && !unplugged.includes(v.vif_type));
  if (left.length > 0) throw new MoveStopped(`bindings were left: ${left.map(v => `port ${v.port_id}: ${v.reason}`).join('; ')}`);
}

/** What is plugged in may be other than it was when the move was planned. */
async function anew(doors: Doors, journal: Journal): Promise<Journal> {
  const { move } = planMove(await lookAround(doors));
  const all = (old: readonly string[], now: readonly string[]): string[] => [...new Set([...old, ...now])];
  const { devices, bridges, uplinks } = journal.move;
  // A device that has changed over shows nothing of what it held: what was seen first counts.
  const first = new Set(devices.map(d => d.device));
  return {
    ...journal,
    move: {
      ...journal.move,
      taps: withNew(journal.move.taps, move.taps),
      devices: [...devices, ...move.devices.filter(d => !first.has(d.device))],
      bridges: all(bridges, move.bridges),
      uplinks: all(uplinks, move.uplinks),
    },
  };
}

/** What was seen first counts. */
function withNew(known: readonly MovedTap[], now: readonly MovedTap[]): MovedTap[] {
  const names = new Set(known.map(t => t.name));
  return [...known, ...now.filter(t => !names.has(t.name)).map((t): MovedTap => ({ ...t, late: true }))];
}

/** Instances that were plugged into Open vSwitch meanwhile. */
async function withLate(doors: Doors, journal: Journal): Promise<Journal> {
  const situation = await lookAround(doors);
  const { taps, integrationBridge } = journal.move;
  const there = typeof situation.openvswitch === 'string' ? undefined : situation.openvswitch.get(integrationBridge)?.ports;
  const plugged = planMove(situation).move.taps.filter(t => there?.has(t.name));
  return { ...journal, move: { ...journal.move, taps: withNew(taps, plugged) } };
}

/** Taps that are still here, and why they are not served yet. */
async function tagged({ session, host }: Doors, { taps, integrationBridge }: Move): Promise<string[]> {
  const links = new Set((await host.links.list(hostNetns)).map(l => l.name));
  const ports = (await session.picture()).bridges.get(integrationBridge)?.ports;
  return taps.flatMap(({ name, active }) => {
    if (!links.has(name) || !active) return [];
    const port = ports?.get(name);
    if (!port) return [`${name} is not on ${integrationBridge}`];
    return port.tag === undefined || port.tag === DEAD_VLAN ? [`${name} has no VLAN yet`] : [];
  });
}

async function bridged({ host }: Doors, { taps }: Move): Promise<string[]> {
  const links = new Map((await host.links.list(hostNetns)).map(l => [l.name, l]));
  return taps.flatMap(({ name, network, active }) => {
    const link = links.get(name);
    if (!link || !active || link.master === bridgeName(network)) return [];
    return [`${name} is not in ${bridgeName(network)}`];
  });
}

async function wired(doors: Doors, { taps }: Move, where: string, waiting: () => Promise<string[]>): Promise<void> {
  const began = doors.clock.now();
  for (;;) {
    // An instance that ended meanwhile took its tap along.
    const links = new Set((await doors.host.links.list(hostNetns)).map(l => l.name));
    const wanted = new Map(taps.filter(t => t.active && links.has(t.name)).map(t => [t.port, t.name]));
    const down = (await doors.cloud.ports()).filter(p => wanted.has(p.id) && p.admin_state_up && p.status !== 'ACTIVE');
    const why = [...(await waiting()), ...down.map(p => `${wanted.get(p.id)} is ${p.status}`)];
    if (why.length === 0) return;
    if (doors.clock.now() - began > doors.patienceMs)
      throw new MoveStopped(`not all ports are served by ${where}: ${why.slice(0, 20).join('; ')}. The agent's log says more`);
    await pause(doors);
  }
}

/** What was not there before goes: bridges of physical networks, and those of the agent, with its record. */
async function cleanSwitch(doors: Doors, move: Move): Promise<void> {
  const before = new Set(move.switchBefore);
  const made = [...move.devices.map(d => d.bridge), move.integrationBridge, move.tunnelBridge].filter(name => !before.has(name));
  await doors.session.apply({ bridges: Object.fromEntries(made.map(name => [name, null])) }, { comment: 'weft migrate l2: bridges go' });
  const agent = await agentOf(doors, 'openvswitch');
  if (agent && move.newAgent === undefined) await doors.cloud.removeAgent(agent.id);
}

async function pause({ clock, signal }: Doors): Promise<void> {
  await clock.sleep(lookMs, signal);
  if (signal.aborted) throw new MoveStopped('interrupted');
}

/** However long a person takes; what is waited for is said once it is not so at once. */
async function until(doors: Doors, what: string, holds: () => Promise<boolean>): Promise<void> {
  const began = doors.clock.now();
  for (let told = false; !(await holds()); ) {
    if (!told && doors.clock.now() - began > hintMs) {
      doors.say(`   waiting: ${what}`);
      told = true;
    }
    await pause(doors);
  }
}
