// The Linux bridge agent: hears of devices, ports and groups, and keeps one loop going that makes the host what it should be.
import { createHash } from 'node:crypto';
import { hostNetns } from '../../contracts/host/netns.ts';
import { Backoff } from '../../engine/backoff.ts';
import { DirtyQueue } from '../../engine/dirty-queue.ts';
import type { AgentContext, AgentPart, LinuxbridgeConfig } from '../context.ts';
import { isTapName } from '../desired/linuxbridge-names.ts';
import { type Reporter, startReporter } from '../report.ts';
import { serveTopics } from './intake.ts';
import { NotInTouch, Pass } from './pass.ts';
import { resourceVersions } from './resource-versions.ts';
import { Server } from './server.ts';
import { View } from './view.ts';

/** The safety net: devices are heard of by events, and what others change in the kernel is found again by this. */
const POLL_MS = 30_000;
const STOP_MS = 2_000;

const sha1Hex = (text: string): string => createHash('sha1').update(text).digest('hex');

export async function startLinuxbridgeAgent(ctx: AgentContext): Promise<AgentPart> {
  const config = ctx.config.linuxbridge;
  if (!config) throw new Error('the Linux bridge agent has no configuration');
  const stop = new AbortController();
  const view = new View();
  const queue = new DirtyQueue(ctx.clock);
  const server = new Server(ctx.bus, ctx.config.host, await agentId(ctx, config));
  let touched = false;
  const { interfaceMappings, bridgeMappings, vxlan } = config;
  const options = { interfaceMappings, bridgeMappings, sha1Hex, ...(vxlan ? { vxlan } : {}) };
  const pass = new Pass({ ctx, view, server, options, inTouch: () => touched });

  const intake = {
    view,
    host: ctx.config.host,
    tunnelEnd: vxlan?.l2population ? vxlan.localIp : undefined,
    mark: (ms = 0) => queue.mark('heard', ms),
  };
  const topics = await serveTopics(ctx.bus, intake);
  const reporter = report(ctx, config, view, queue);
  const inTouch = reporter.reported.then(() => {
    touched = true;
    queue.mark('touched');
  });
  const watch = ctx.host.links.watch(
    hostNetns,
    e => {
      if (!concerns(e.name, config)) return;
      if (e.kind === 'added' && isTapName(e.name)) view.appeared(e.name);
      queue.mark('links');
    },
    () => queue.mark('links'),
  );
  const up = ctx.bus.onUp(isUp => {
    if (!isUp) return;
    // What was sent meanwhile is lost: of groups, and of who is behind which tunnel's end.
    view.allSecurityStale = true;
    pass.tellAgain();
    queue.mark('heard');
  });
  const loop = startLoop(ctx, queue, pass, stop.signal);
  return {
    name: 'linuxbridge',
    synced: Promise.all([loop.synced, inTouch]).then(() => undefined),
    async [Symbol.asyncDispose]() {
      stop.abort();
      up[Symbol.dispose]();
      await Promise.all([topics[Symbol.asyncDispose](), watch[Symbol.asyncDispose](), reporter[Symbol.asyncDispose]()]);
      // A question on its way may take a minute to time out: nobody waits for its answer.
      await Promise.race([loop.ended, ctx.clock.sleep(STOP_MS)]);
    },
  };
}

/** Events of devices that no pass would look at are not worth one. */
function concerns(name: string, config: LinuxbridgeConfig): boolean {
  const mapped = [...Object.values(config.interfaceMappings), ...Object.values(config.bridgeMappings)];
  return /^(tap|brq|vxlan-)/.test(name) || mapped.some(m => name === m || name.startsWith(`${m}.`));
}

function startLoop(ctx: AgentContext, queue: DirtyQueue, pass: Pass, signal: AbortSignal): { synced: Promise<void>; ended: Promise<void> } {
  const retry = new Backoff({ firstMs: 200, maxMs: POLL_MS }, ctx.random);
  let markSynced = (): void => {};
  const synced = new Promise<void>(resolve => {
    markSynced = resolve;
  });
  const run = async (): Promise<void> => {
    queue.mark('poll');
    for (;;) {
      const keys = await queue.take(signal);
      if (signal.aborted) return;
      if (keys.includes('poll')) queue.mark('poll', POLL_MS);
      try {
        await pass.run(keys.includes('poll') || keys.includes('again'));
        retry.reset();
        markSynced();
      } catch (error) {
        if (signal.aborted) return;
        // The reporter wakes the loop when the server is there.
        if (error instanceof NotInTouch) continue;
        const afterMs = retry.next();
        ctx.log.warning('not all could be done; trying again', { after_ms: afterMs, error: String(error) });
        queue.mark('again', afterMs);
      }
    }
  };
  return { synced, ended: run() };
}

function report(ctx: AgentContext, config: LinuxbridgeConfig, view: View, queue: DirtyQueue): Reporter {
  const { vxlan } = config;
  return startReporter(ctx, {
    agentType: 'Linux bridge agent',
    binary: 'neutron-linuxbridge-agent',
    topic: 'N/A',
    configurations: () => ({
      bridge_mappings: config.bridgeMappings,
      interface_mappings: config.interfaceMappings,
      extensions: [],
      devices: view.ports().length,
      ...(vxlan ? { tunneling_ip: vxlan.localIp, tunnel_types: ['vxlan'], l2_population: vxlan.l2population } : {}),
    }),
    first: { resource_versions: resourceVersions },
    onRevived: () => {
      view.touchAll();
      queue.mark('heard');
    },
  });
}

/** `lb` and the MAC of the first mapped bridge, or of the first device. */
async function agentId(ctx: AgentContext, config: LinuxbridgeConfig): Promise<string> {
  const links = await ctx.host.links.list(hostNetns);
  const [mapped] = Object.values(config.bridgeMappings);
  const chosen = links.find(l => l.name === mapped) ?? links.find(l => l.name !== 'lo' && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(l.mac));
  return `lb${(chosen?.mac ?? '00:00:00:00:00:00').replaceAll(':', '')}`;
}
