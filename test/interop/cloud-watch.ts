// What a real Nova and a real Placement say to an administrator.
import assert from 'node:assert/strict';
import type { Body } from '../api/client.ts';
import type { NovaCloud } from './nova-cloud.ts';

export class CloudWatch {
  private readonly cloud: NovaCloud;
  private readonly token: () => string;

  constructor(cloud: NovaCloud, token: () => string) {
    this.cloud = cloud;
    this.token = token;
  }

  nova(method: string, path: string, body?: unknown): Promise<Body> {
    return this.ask(`${this.cloud.url}/${path}`, method, body);
  }

  placement(method: string, path: string, body?: unknown): Promise<Body> {
    return this.ask(`${this.cloud.placementUrl}/${path}`, method, body);
  }

  async hypervisors(): Promise<readonly unknown[]> {
    return (await this.nova('GET', 'os-hypervisors'))['hypervisors'] as unknown[];
  }

  private async ask(url: string, method: string, body?: unknown): Promise<Body> {
    const versions = { 'x-openstack-nova-api-version': '2.79', 'openstack-api-version': 'placement 1.37' };
    const headers = { 'x-auth-token': this.token(), 'content-type': 'application/json', ...versions };
    const reply = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await reply.text();
    assert.ok(reply.ok, `${method} ${url} answered ${reply.status}: ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Body;
  }
}
