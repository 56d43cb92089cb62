// Tells the neighbours that an address moved here: gratuitous ARP by arping, unsolicited NA by the kernel itself.
import type { ChildProcess } from 'node:child_process';
import type { Netns } from '../../../contracts/host/netns.ts';
import { device, ip } from '../names.ts';
import type { Tools } from '../tools.ts';

type Flavour = 'iputils' | 'habets';

export class Announcer {
  private readonly tools: Tools;
  private flavour: Promise<Flavour> | undefined;
  private readonly running = new Map<Netns, Set<ChildProcess>>();

  constructor(tools: Tools) {
    this.tools = tools;
  }

  async announce(ns: Netns, dev: string, address: string): Promise<void> {
    try {
      if (ip(address).includes(':')) await this.advertise(ns, device(dev));
      else await this.arp(ns, device(dev), address);
    } catch {
      // an announcement is a courtesy: the next ARP or ND exchange says the same
    }
  }

  /** Ends what still announces there: a process inside keeps a deleted namespace alive. */
  end(ns: Netns): void {
    for (const child of this.running.get(ns) ?? []) child.kill('SIGKILL');
  }

  /** arping lingers for a second per packet: nobody waits for it. */
  private async arp(ns: Netns, dev: string, address: string): Promise<void> {
    this.flavour ??= detect(this.tools);
    const commands =
      (await this.flavour) === 'iputils'
        ? [
            ['arping', '-U', '-c', '2', '-w', '2', '-I', dev, address],
            ['arping', '-A', '-c', '1', '-w', '1', '-I', dev, address],
          ]
        : [
            ['arping', '-U', '-c', '2', '-i', dev, '-S', address, address],
            ['arping', '-P', '-U', '-c', '1', '-i', dev, '-S', address, address],
          ];
    await Promise.all(commands.map(argv => this.background(ns, argv)));
  }

  private background(ns: Netns, argv: readonly string[]): Promise<void> {
    const child = this.tools.start('', ['setpriv', '--pdeathsig', 'KILL', ...(ns === '' ? [] : ['ip', 'netns', 'exec', ns]), ...argv]);
    const here = this.running.get(ns) ?? new Set();
    this.running.set(ns, here.add(child));
    child.stdout?.resume();
    child.stderr?.resume();
    child.unref();
    child.once('close', () => here.delete(child));
    return new Promise(resolve => {
      child.once('spawn', () => resolve()).once('error', () => resolve());
    });
  }

  /**
   * No tool of a Debian base sends an unsolicited NA. The kernel does, for every address of a device, when its MAC is set while
   * ndisc_notify is on; the same MAC again counts, and the link stays up. (It forgets the device's learned neighbours, and asks them anew.)
   */
  private async advertise(ns: Netns, dev: string): Promise<void> {
    const own = await this.tools.tool('', [...(ns === '' ? ['ip'] : ['ip', '-n', ns]), '-j', 'link', 'show', 'dev', dev]);
    const [link] = JSON.parse(own.stdout) as readonly { address?: string }[];
    if (!link?.address) return;
    await this.tools.tool(ns, ['sysctl', '-qw', `net/ipv6/conf/${dev}/ndisc_notify=1`]);
    await this.tools.tool('', [...(ns === '' ? ['ip'] : ['ip', '-n', ns]), 'link', 'set', 'dev', dev, 'address', link.address]);
  }
}

async function detect(tools: Tools): Promise<Flavour> {
  const { stdout, stderr } = await tools.tool('', ['arping', '-V']);
  return /iputils/.test(stdout + stderr) ? 'iputils' : 'habets';
}
