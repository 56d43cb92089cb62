// weft public exec, weft public publish: the public side of a contained network.
import { control, type StatusView } from '../control.ts';
import { type Call, usage, type Verb } from '../verb.ts';
import { enter, runHere } from './enter.ts';
import { stateOf, stateOption } from './state-option.ts';

export const publicExec: Verb = {
  path: ['public', 'exec'],
  usage: '-- COMMAND…',
  summary: 'run a command on the public side of the contained network',
  details: [
    'The command sees the public network (172.24.4.0/24 and 2001:db8:18:4::/64) as a neighbour of its routers does, and your files. Your own network it does not see. With "weft up --on-host" the machine is the public side, and the command runs as if you had typed it.',
    'The exit status is that of the command.',
  ],
  examples: ['weft public exec -- curl http://172.24.4.10/', 'weft public exec -- ping -c1 172.24.4.10'],
  options: stateOption,
  args: [0, 0],
  command: true,
  async run(call: Call) {
    if (call.command.length === 0) throw usage(publicExec, 'which command?');
    const { underlay, rootless } = await control<StatusView>(stateOf(call), 'GET', '/status');
    // On the machine's own network, the machine is the public side.
    return underlay === undefined ? runHere(call.command) : enter(underlay, call.command, rootless);
  },
};

export const publicPublish: Verb = {
  path: ['public', 'publish'],
  usage: 'PORT=ADDRESS:PORT',
  summary: 'open a loopback port of this machine that leads to an address on the public network',
  details: ['TCP only. It is open until Weft stops; "weft up --publish" opens the same at each start.'],
  examples: ['weft public publish 8080=172.24.4.10:80'],
  options: stateOption,
  args: [1, 1],
  async run(call: Call) {
    const { published } = await control<{ published: string }>(stateOf(call), 'POST', '/publications', { publish: call.args[0] });
    call.out(`published ${published}`);
    return 0;
  },
};
