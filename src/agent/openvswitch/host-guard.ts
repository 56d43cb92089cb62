// The host's own addresses, shut to instances. A switch in user space gets copies of frames, and the kernel goes on with what came: whatever an
// instance sends into its tap would reach the host's IP, as it does with any switch before the tap is a port of it.
import { hostNetns } from '../../contracts/host/netns.ts';
import { Backoff } from '../../engine/backoff.ts';
import { foreignTaps } from '../bridge-firewall/firewall-plan.ts';
import type { AgentContext } from '../context.ts';
import { openvswitchNames } from '../render/iptables-names.ts';
import { guardMark, hostGuard } from '../render/nft-host.ts';

/** The firewall `iptables_hybrid` has tables of the shorter name. */
const table = `${openvswitchNames.table}-host`;

type Given = Pick<AgentContext, 'host' | 'log' | 'clock' | 'random'>;

/** Others may empty all of nftables: a firewall of the host that starts anew. */
const rereadMs = 30_000;

export class HostGuard implements AsyncDisposable {
  private readonly ctx: Given;
  private readonly stop = new AbortController();
  private readonly watch: AsyncDisposable;
  private readonly rereads: Promise<void>;
  private mark: string | undefined;
  private running: Promise<void> | undefined;
  private again = false;

  /** Stands as soon as it can; it asks no server, and stays when the agent ends. */
  constructor(ctx: Given) {
    this.ctx = ctx;
    this.watch = ctx.host.links.watch(
      hostNetns,
      ({ name }) => {
        if (name.startsWith('tap')) this.look();
      },
      () => this.reread(),
    );
    this.rereads = this.rereadInTime();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.watch[Symbol.asyncDispose]();
    await Promise.all([this.running, this.rereads]);
  }

  private reread(): void {
    this.mark = undefined;
    this.look();
  }

  private async rereadInTime(): Promise<void> {
    for (;;) {
      await this.ctx.clock.sleep(rereadMs, this.stop.signal);
      if (this.stop.signal.aborted) return;
      this.reread();
    }
  }

  private look(): void {
    this.again = true;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
  }

  private async run(): Promise<void> {
    const { log, clock, random } = this.ctx;
    const retry = new Backoff({ firstMs: 200, maxMs: 30_000 }, random);
    while (this.again && !this.stop.signal.aborted) {
      this.again = false;
      try {
        await this.apply();
        retry.reset();
      } catch (error) {
        const afterMs = retry.next();
        log.warning("the host's own addresses are not shut to instances; trying again", { after_ms: afterMs, error: String(error) });
        await clock.sleep(afterMs, this.stop.signal);
        this.again = true;
      }
    }
  }

  private async apply(): Promise<void> {
    const { links, nft } = this.ctx.host;
    this.mark ??= guardMark(await nft.listTable(hostNetns, 'inet', table));
    const all = new Map((await links.list(hostNetns)).map(link => [link.name, link]));
    const { mark, script } = hostGuard(table, { foreign: foreignTaps(all, () => true), fragmentZones: new Map() });
    if (this.mark === mark) return;
    await nft.apply(hostNetns, script);
    this.mark = mark;
  }
}
