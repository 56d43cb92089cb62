// A request as it came in: what the framework knows of it, and who calls.
import type { FastifyRequest } from 'fastify';
import type { Caller, Identity } from '../../contracts/identity.ts';
import { pathOf, type RawRequest } from './front.ts';

export class Incoming implements RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: RawRequest['headers'];
  readonly secure: boolean;
  /** Once somebody has asked. */
  known: Caller | undefined;
  private readonly request: FastifyRequest;
  private readonly identity: Identity;
  private asked: Promise<Caller | undefined> | undefined;

  constructor(request: FastifyRequest, secure: boolean, identity: Identity) {
    this.method = request.method;
    this.url = request.url;
    this.headers = request.headers;
    this.secure = secure;
    this.request = request;
    this.identity = identity;
  }

  get peer(): string {
    return this.request.ip;
  }

  get port(): number {
    return this.request.socket.localPort ?? 0;
  }

  get body(): Uint8Array | undefined {
    return this.request.body as Uint8Array | undefined;
  }

  caller(): Promise<Caller | undefined> {
    this.asked ??= this.ask();
    return this.asked;
  }

  private async ask(): Promise<Caller | undefined> {
    const { 'x-auth-token': token, 'x-service-token': serviceToken } = this.headers;
    if (typeof token !== 'string' || token === '') this.known = this.identity.everybody;
    else {
      const use = { method: this.method, path: pathOf(this.url) };
      this.known = await this.identity.validate(token, typeof serviceToken === 'string' ? { ...use, serviceToken } : use);
    }
    return this.known;
  }
}
