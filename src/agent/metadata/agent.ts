// The metadata agent: answers instances on the Unix socket to which the proxies of the namespaces forward.
import type { AgentContext, AgentPart } from '../context.ts';
import { startReporter } from '../report.ts';
import { type Answer, notFound, refusal } from './answer.ts';
import { builtinBackend } from './builtin.ts';
import { openMetadataSocket } from './http.ts';
import { identify } from './identity.ts';
import { novaBackend } from './nova.ts';

export async function startMetadataAgent(ctx: AgentContext): Promise<AgentPart> {
  const config = ctx.config.metadata;
  if (!config) throw new Error('the metadata agent has no configuration');
  const backend = config.backend.kind === 'nova' ? novaBackend(config.backend) : builtinBackend(ctx);
  const group = await proxyGroup(ctx);
  const socket = await openMetadataSocket({
    path: config.socket,
    ...(group === undefined ? {} : { group }),
    ...(config.mode === undefined || config.mode === 'deduce' ? {} : { mode: modes[config.mode] }),
    respond: async (request, headers): Promise<Answer> => {
      try {
        const asker = await identify(ctx.bus, headers);
        return asker ? await backend(request, asker) : notFound;
      } catch (error) {
        ctx.log.error('a metadata request failed', { error: String(error) });
        return refusal(500, 'An unknown error has occurred. Please try your request again.');
      }
    },
  });
  const nova = config.backend.kind === 'nova' ? new URL(config.backend.url) : undefined;
  const reporter = startReporter(ctx, {
    agentType: 'Metadata agent',
    binary: 'neutron-metadata-agent',
    topic: 'N/A',
    castAfterFirst: true,
    configurations: () => ({
      metadata_proxy_socket: config.socket,
      nova_metadata_host: nova?.hostname ?? '',
      nova_metadata_port: Number(nova?.port ?? 0),
      log_agent_heartbeats: ctx.config.logHeartbeats ?? false,
    }),
    onRevived: () => {},
  });
  return {
    name: 'metadata',
    synced: Promise.resolve(),
    async [Symbol.asyncDispose]() {
      await reporter[Symbol.asyncDispose]();
      await socket[Symbol.asyncDispose]();
    },
  };
}

/** Of `metadata_proxy_socket_mode`. To connect is to write. */
const modes = { user: 0o644, group: 0o664, all: 0o666 } as const;

/** The group that the proxies run as where they change user. */
async function proxyGroup(ctx: AgentContext): Promise<number | undefined> {
  if (!ctx.config.proxyUser && !ctx.config.dhcp?.dropUser && !ctx.config.l3?.dropUser) return undefined;
  const name = ctx.config.proxyUser?.group ?? 'nogroup';
  if (/^\d+$/.test(name)) return Number(name);
  const line = (await ctx.host.files.read('/etc/group'))?.split('\n').find(l => l.startsWith(`${name}:`));
  const id = Number(line?.split(':')[2]);
  return Number.isInteger(id) ? id : undefined;
}
