// The built-in backend: Weft answers for its own instances, in the EC2 form and in the OpenStack form.
import { randomBytes } from 'node:crypto';
import { BusTimeout } from '../../contracts/bus.ts';
import type { AgentContext } from '../context.ts';
import { type DhcpNetwork, readNetwork } from '../desired/dhcp/wire.ts';
import { type Answer, type MetadataRequest, notFound, refusal } from './answer.ts';
import { ec2Answer, isEc2Path } from './ec2-tree.ts';
import type { Asker } from './identity.ts';
import { instanceOf } from './instance.ts';
import { networkData } from './network-data.ts';
import { openstackAnswer } from './openstack-tree.ts';

const ASK_MS = 10_000;
/** What a network looks like is asked once for all instances of it that boot together. */
const KEEP_MS = 30_000;
const KEPT = 256;

export function builtinBackend(
  ctx: Pick<AgentContext, 'bus' | 'config' | 'clock' | 'log'>,
): (r: MetadataRequest, a: Asker) => Promise<Answer> {
  const networks = new NetworkViews(ctx);
  return async (request, asker) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusal(405, 'Method Not Allowed');
    const segments = segmentsOf(request.url);
    if (!segments) return notFound;
    const openstack = segments[0] === 'openstack';
    if (!openstack && !isEc2Path(segments)) return notFound;
    try {
      const args = { port_id: asker.port['id'] };
      const known = await ctx.bus.call({ topic: 'weft-metadata' }, 'get_instance', args, { timeoutMs: ASK_MS });
      const instance = instanceOf(asker, known);
      if (!openstack) return ec2Answer(instance, segments);
      const randomSeed = (): string => randomBytes(512).toString('base64');
      const network = async (): Promise<object> => networkData(asker.port, await networks.get(String(asker.port['network_id'])));
      return await openstackAnswer({ instance, randomSeed, networkData: network }, segments.slice(1));
    } catch (error) {
      if (!(error instanceof BusTimeout)) throw error;
      ctx.log.warning('nobody knows the instances', { error: error.message });
      return refusal(503, 'The metadata service is not available');
    }
  };
}

/** Decoded parts of the path; undefined when it is no proper path. */
function segmentsOf(url: string): readonly string[] | undefined {
  try {
    return (url.split('?')[0] ?? '')
      .split('/')
      .filter(s => s !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

class NetworkViews {
  private readonly ctx: Pick<AgentContext, 'bus' | 'config' | 'clock'>;
  private readonly kept = new Map<string, { readonly at: number; readonly view: Promise<DhcpNetwork | undefined> }>();

  constructor(ctx: Pick<AgentContext, 'bus' | 'config' | 'clock'>) {
    this.ctx = ctx;
  }

  get(id: string): Promise<DhcpNetwork | undefined> {
    const now = this.ctx.clock.now();
    const kept = this.kept.get(id);
    if (kept && now - kept.at < KEEP_MS) return kept.view;
    const view = this.ask(id);
    this.kept.delete(id);
    this.kept.set(id, { at: now, view });
    view.catch(() => this.kept.delete(id));
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
    return view;
  }

  private async ask(id: string): Promise<DhcpNetwork | undefined> {
    const args = { network_id: id, host: this.ctx.config.host };
    const read = readNetwork(await this.ctx.bus.call({ topic: 'q-plugin', version: '1.0' }, 'get_network_info', args));
    // The ports are not needed, and may be many.
    return read && { ...read.value, ports: [] };
  }
}
