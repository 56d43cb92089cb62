// weft down: stops a running Weft and waits until it is gone.
import { setTimeout as sleep } from 'node:timers/promises';
import { control } from '../control.ts';
import { type Call, Failure, type Verb } from '../verb.ts';
import { stateOf, stateOption } from './state-option.ts';

const patienceMs = 10_000;

export const down: Verb = {
  path: ['down'],
  usage: '',
  summary: 'stop a running Weft',
  details: ['What was built stays in the state directory: the next "weft up" finds it and realises it again.'],
  options: stateOption,
  args: [0, 0],
  async run(call: Call) {
    const { pid } = await control<{ pid: number }>(stateOf(call), 'POST', '/down');
    for (const deadline = performance.now() + patienceMs; isThere(pid); await sleep(20))
      if (performance.now() > deadline)
        throw new Failure(`process ${pid} has not ended within ${patienceMs / 1000} s; "kill -9 ${pid}" ends it and all it made`);
    call.out(`stopped process ${pid}`);
    return 0;
  },
};

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
