// The process of the simulated hosts, from outside: orders in, answers out.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answers, Order, Reply } from './protocol.ts';

export class HostsProcess implements AsyncDisposable {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>();
  private next = 0;

  constructor(nodeOptions: readonly string[]) {
    const execArgv = ['--disable-warning=ExperimentalWarning', '--max-old-space-size=8192', ...nodeOptions];
    this.child = fork(join(import.meta.dirname, 'hosts.ts'), { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (reply: Reply) => this.take(reply));
    this.child.on('exit', code => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the process of the hosts ended with ${code}`));
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  async tell<K extends Order['do']>(order: Extract<Order, { do: K }>): Promise<Answers[K]> {
    if (!this.child.connected) throw new Error('the process of the hosts has ended');
    const id = this.next++;
    const waiter = Promise.withResolvers<unknown>();
    this.waiting.set(id, waiter);
    this.child.send({ id, order });
    return (await waiter.promise) as Answers[K];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise(resolve => this.child.once('exit', resolve));
    if (this.child.connected) this.child.disconnect();
    const late = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(late);
  }

  private take(reply: Reply): void {
    const waiter = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if ('failed' in reply) waiter?.reject(new Error(reply.failed));
    else waiter?.resolve(reply.answer);
  }
}
