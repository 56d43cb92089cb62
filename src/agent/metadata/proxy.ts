// One haproxy per namespace that carries metadata requests to the metadata agent. Used by the DHCP and the L3 agent.
// It outlives the agent: a restarted one adopts it when its configuration is still the wanted one, and else has another one succeed it.

import type { AgentContext } from '../context.ts';
import { haproxyText, type ProxyListener } from '../render/haproxy.ts';

export interface MetadataProxySpec {
  readonly kind: 'network' | 'router';
  readonly id: string;
  readonly netns: string;
  readonly bindPort: number;
  /** Default 0.0.0.0. */
  readonly bindAddress?: string;
  /** Also listen on this IPv6 address: `::` for all of them; a link-local one needs its device. */
  readonly ipv6?: { readonly address: string; readonly device?: string };
}

type ProxyContext = Pick<AgentContext, 'config' | 'host'>;

export function metadataSocket(ctx: Pick<AgentContext, 'config'>): string {
  return ctx.config.metadata?.socket ?? `${ctx.config.statePath}/metadata_proxy`;
}

interface ProxyFiles {
  readonly conf: string;
  readonly pid: string;
  /** Of one that was succeeded, as long as it has connections. */
  readonly former: string;
  /** Last words of its start: a daemon's log stands beside its pid file, under its name. */
  readonly log: string;
}

export function metadataProxyFiles(statePath: string, id: string): ProxyFiles {
  const pids = `${statePath}/external/pids`;
  const pid = `${pids}/${id}.pid.haproxy`;
  return { conf: `${statePath}/ns-metadata-proxy/${id}.conf`, pid, former: `${pid}.former`, log: `${pids}/haproxy-${id}.log` };
}

/**
 * Starts the proxy, or leaves it alone when it runs as wanted. One that runs by another text, Neutron's or an earlier one of ours, goes on until
 * its successor stands. Idempotent; answers its pid; throws HostRefusal when it does not stand.
 */
export async function ensureMetadataProxy(ctx: ProxyContext, spec: MetadataProxySpec): Promise<number> {
  const { processes, files } = ctx.host;
  const paths = metadataProxyFiles(ctx.config.statePath, spec.id);
  const text = proxyText(ctx, spec, paths);
  // haproxy reads its file only at start.
  if ((await files.read(paths.conf)) !== text) {
    await setAside(ctx, paths);
    await files.write(paths.conf, text);
  }
  const pid = await processes.ensure({
    name: `haproxy-${spec.id}`,
    netns: spec.netns,
    argv: ['haproxy', '-f', paths.conf],
    pidFile: paths.pid,
    selfPid: true,
  });
  // It takes no more connections, and ends with its last one.
  if (!(await processes.signal(paths.former, paths.conf, 'SIGUSR1'))) await files.remove(paths.former);
  return pid;
}

/**
 * The port is shared (SO_REUSEPORT), so nobody is refused while there are two. From here on the running one is known by another pid file: a crash
 * in between leaves nothing that looks adopted and is old.
 */
async function setAside({ host: { processes, files } }: ProxyContext, { conf, pid, former }: ProxyFiles): Promise<void> {
  const running = await processes.alive(pid, conf);
  if (running === undefined) return;
  if ((await processes.alive(former, conf)) !== running) await processes.stop(former, conf);
  await files.write(former, `${running}\n`);
  await files.remove(pid);
}

/** Stops the proxy and removes its files. Idempotent; call it before the namespace goes. */
export async function removeMetadataProxy(ctx: ProxyContext, id: string): Promise<void> {
  const { conf, pid, former, log } = metadataProxyFiles(ctx.config.statePath, id);
  for (const file of [pid, former]) await ctx.host.processes.stop(file, conf);
  for (const path of [conf, pid, log]) await ctx.host.files.remove(path);
}

/** The pid when the proxy lives. */
export function metadataProxyAlive(ctx: ProxyContext, id: string): Promise<number | undefined> {
  const paths = metadataProxyFiles(ctx.config.statePath, id);
  return ctx.host.processes.alive(paths.pid, paths.conf);
}

function proxyText(ctx: ProxyContext, spec: MetadataProxySpec, paths: ProxyFiles): string {
  const listeners: ProxyListener[] = [{ address: spec.bindAddress ?? '0.0.0.0', port: spec.bindPort }];
  if (spec.ipv6) {
    const { address, device } = spec.ipv6;
    listeners.push({ address, port: spec.bindPort, ...(device === undefined ? {} : { device }) });
  }
  const dropUser = spec.kind === 'network' ? ctx.config.dhcp?.dropUser : ctx.config.l3?.dropUser;
  const as = ctx.config.proxyUser ?? { user: 'nobody', group: 'nogroup' };
  return haproxyText({
    kind: spec.kind,
    id: spec.id,
    listeners,
    socket: metadataSocket(ctx),
    pidFile: paths.pid,
    ...(dropUser ? as : {}),
  });
}
