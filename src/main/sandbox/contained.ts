// Contained hosts: sandboxes joined by an underlay sandbox, on none of the machine's own networks.
import { hostBatch, hostSysctls, type PlannedHost, planHosts, underlayBatch, underlaySysctls } from './plan.ts';
import { run } from './run.ts';
import { openSandbox, type Sandbox } from './sandbox.ts';

export interface ContainedHost extends PlannedHost {
  readonly sandbox: Sandbox;
}

export interface Contained extends AsyncDisposable {
  readonly underlay: Sandbox;
  readonly hosts: readonly ContainedHost[];
}

export interface ContainedOptions {
  /** The wires are for Open vSwitch, which is not there yet. */
  readonly openvswitch?: boolean;
}

export async function openContained(count: number, { openvswitch = false }: ContainedOptions = {}): Promise<Contained> {
  const plan = planHosts(count);
  const opened: Sandbox[] = [];
  const open = async (name: string): Promise<Sandbox> => {
    const sandbox = await openSandbox(name);
    opened.push(sandbox);
    return sandbox;
  };
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.map(sandbox => sandbox[Symbol.asyncDispose]()));
  };
  const results = await Promise.allSettled(['underlay', ...plan.map(host => host.name)].map(open));
  try {
    const sandboxes = results.map(result => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    const [underlay, ...rest] = sandboxes as [Sandbox, ...Sandbox[]];
    const hosts = plan.map((host, i) => ({ ...host, sandbox: rest[i] as Sandbox }));
    await wire(underlay, hosts, openvswitch);
    return { underlay, hosts, [Symbol.asyncDispose]: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function wire(underlay: Sandbox, hosts: readonly ContainedHost[], openvswitch: boolean): Promise<void> {
  await run(underlay.enterNetwork(['ip', '-batch', '-']), { input: underlayBatch(hosts.map(host => host.sandbox.init.pid)) });
  const sysctl = (sandbox: Sandbox, settings: readonly string[]): Promise<string> =>
    run(sandbox.enterNetwork(['sysctl', '-q', '-e', '-w', ...settings]));
  // What enters a switch in user space has to be complete.
  const complete = openvswitch ? ['br-ul', 'br-public'] : [];
  await Promise.all([
    sysctl(underlay, underlaySysctls),
    ...complete.map(bridge => run(underlay.enterNetwork(['ethtool', '-K', bridge, 'tx', 'off']))),
    ...hosts.map(async host => {
      await sysctl(host.sandbox, hostSysctls);
      await run(host.sandbox.enterNetwork(['ip', '-batch', '-']), { input: hostBatch(host, !openvswitch) });
    }),
  ]);
}
