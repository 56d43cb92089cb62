// weft status: what runs, what is missing, and why.
import { control, type HostView, type StatusView } from '../control.ts';
import { type Call, flag, type Verb } from '../verb.ts';
import { stateOf, stateOption } from './state-option.ts';

export const status: Verb = {
  path: ['status'],
  usage: '',
  summary: 'show what runs, what is missing, and why',
  details: ['The exit status is 0 when everything is ready, and 3 when something is missing.'],
  options: { ...stateOption, json: { type: 'boolean', help: 'print it as JSON' } },
  args: [0, 0],
  async run(call: Call) {
    const view = await control<StatusView>(stateOf(call), 'GET', '/status');
    if (flag(call, 'json')) call.out(JSON.stringify(view, undefined, 2));
    else for (const line of describe(view)) call.out(line);
    return view.ready ? 0 : 3;
  },
};

export function describe(view: StatusView): string[] {
  return [
    `${view.ready ? 'ready' : 'not ready'}: process ${view.pid}, ${modeOf(view)}, since ${view.since}`,
    `API ${view.url}, identity ${view.identity_url}`,
    `state ${view.state_dir}${view.clouds_yaml === undefined ? '' : `, clouds ${view.clouds_yaml}`}`,
    ...view.published.map(line => `published ${line}`),
    ...(view.workers ?? []).map(worker => `${worker.name}: ${storyOf(worker)}`),
    ...view.hosts.flatMap(describeHost),
    ...view.missing.map(line => `missing: ${line}`),
  ];
}

function modeOf({ mode, rootless }: StatusView): string {
  if (mode === 'server') return 'the API server alone';
  return mode === 'contained' ? `contained${rootless ? ', without root' : ''}` : "on the machine's own network";
}

function storyOf({ state, pid, restarts, lastEnd }: HostView['process']): string {
  const story = [pid === undefined ? state : `${state} as ${pid}`];
  if (restarts > 0) story.push(`restarted ${restarts} times`);
  if (lastEnd !== undefined) story.push(`last time: ${lastEnd}`);
  return story.join(', ');
}

function describeHost({ name, process, agents, daemons = [] }: HostView): string[] {
  const parts = agents.map(
    agent => `  ${agent.alive ? 'alive' : 'dead '} ${agent.agent_type}, heard ${agent.heartbeat_timestamp ?? 'never'}`,
  );
  return [`host ${name}: agents ${storyOf(process)}`, ...daemons.map(daemon => `  ${daemon.name} ${storyOf(daemon)}`), ...parts];
}
