// Stands before an HTTP server and counts what it is asked.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class CountingProxy implements AsyncDisposable {
  /** By method and path. */
  readonly counts = new Map<string, number>();
  private readonly server: Server;
  private readonly to: URL;

  private constructor(to: string) {
    this.to = new URL(to);
    this.server = createServer((asked, answer) => this.pass(asked, answer));
  }

  static async open(to: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(to);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** The same as the server's, but for the port. */
  get url(): string {
    const url = new URL(this.to);
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  count(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    const what = `${asked.method} ${new URL(asked.url ?? '/', this.to).pathname}`;
    this.counts.set(what, this.count(what) + 1);
    const options = { host: this.to.hostname, port: this.to.port, method: asked.method, path: asked.url, headers: asked.headers };
    const further = request(options, reply => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    further.on('error', () => {
      if (!answer.headersSent) answer.writeHead(502);
      answer.end();
    });
    asked.pipe(further);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(resolve => this.server.close(resolve));
  }
}
