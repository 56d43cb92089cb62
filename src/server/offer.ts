// What a server offers: the model as far as its plug-ins are switched on, and the commands of that.
import { type Model, offered } from '../model/kit/plugins.ts';
import type { Resource } from '../model/kit/resource.ts';
import { allCommands } from './commands/all.ts';
import type { Action, Commands } from './commands/commands.ts';
import type { Services } from './context.ts';
import type { Api } from './http/api.ts';

export function offer(services: Services, model: Model): Api {
  const { resources, extensions } = offered(model, services.config.servicePlugins);
  const byName = new Map(resources.map(r => [`${r.policyName} ${r.name}`, r]));
  const commands = allCommands(services).map(c => commandsOf(c, byName.get(`${c.resource.policyName} ${c.resource.name}`) ?? c.resource));
  return { commands, resources, extensions };
}

function commandsOf(commands: Commands, resource: Resource): Commands {
  const { off } = resource;
  if (off === undefined) return commands;
  const actions = Object.entries(commands.actions ?? {}).map(([name, action]) => [name, answering(action, resource)] as const);
  return { ...commands, resource, ...(commands.actions ? { actions: Object.fromEntries(actions) } : {}) };
}

/** What an action answers is no matter of the pipeline, which hides these attributes everywhere else. */
function answering(action: Action, { bodyName, off = [] }: Resource): Action {
  return async (...given) => {
    const render = await action(...given);
    return async () => {
      const answer = await render();
      const object = (answer as Record<string, unknown> | null)?.[bodyName];
      if (typeof object === 'object' && object !== null) for (const name of off) delete (object as Record<string, unknown>)[name];
      return answer;
    };
  };
}
