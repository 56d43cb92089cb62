// weft demo: a tour of a running Weft, step by step, that cleans up behind itself.
import { play } from '../demo/play.ts';
import { Stage } from '../demo/stage.ts';
import type { Call, Verb } from '../verb.ts';
import { stateOf, stateOption } from './state-option.ts';

export const demo: Verb = {
  path: ['demo'],
  usage: '',
  summary: 'show what it can do, step by step, and remove it all again',
  details: [
    'Needs a running Weft. Two projects make networks with the same addresses, with routers, security groups and instances; they ping, fetch pages, use a floating IP, and see a packet refused. Every step is shown as the command that would do it.',
  ],
  examples: ['weft demo'],
  options: stateOption,
  args: [0, 0],
  async run(call: Call) {
    const abort = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => abort.abort());
    const stage = await Stage.open({ folder: stateOf(call), out: call.out, signal: abort.signal });
    await stage.forget(/^demo(-other)?-(web|client)$/);
    const failed = await play(stage).then(
      () => undefined,
      (error: unknown) => error,
    );
    stage.tell('Everything is removed again.');
    const stuck = await stage.clear();
    if (stuck.length > 0) call.out(`not removed: ${stuck.join('; ')}`);
    if (failed) throw failed;
    return stuck.length > 0 ? 1 : 0;
  },
};
