// The L2 agents of this machine: whether one runs, and how it is started and stopped.
import { spawn } from 'node:child_process';
import { MoveStopped, type Units } from '../../agent/migrate/doors.ts';
import { runningAgents } from '../cleanup/running.ts';

/** `program`: what is called as `PROGRAM start|stop neutron-…-agent`, as systemctl is. */
export function unitsOf(program: string | undefined): Units {
  const call = (verb: 'start' | 'stop') => (kind: string) => run([program ?? '', verb, `neutron-${kind}-agent`]);
  return {
    runs: kind => runningAgents().some(agent => agent.kinds.includes(kind)),
    ...(program === undefined ? {} : { command: { start: call('start'), stop: call('stop') } }),
  };
}

async function run([program = '', ...args]: readonly string[]): Promise<void> {
  const said = await new Promise<string | undefined>(resolve => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', error => resolve(error.message));
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`));
  });
  if (said !== undefined) throw new MoveStopped(`${[program, ...args].join(' ')}: ${said}`);
}
