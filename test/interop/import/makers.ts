// Who makes the objects of a test's cloud, and what several of them need.
import type { Bus } from '../../../src/contracts/bus.ts';
import type { Api, Body, Made } from '../../api/client.ts';

export interface Makers {
  readonly admin: Api;
  readonly member: Api;
  readonly other: Api;
  /** As an agent. */
  readonly bus: Bus;
}

export const hosts = ['node-1', 'node-2', 'node-3'] as const;

export interface Inside {
  readonly net: Made;
  readonly four: Made;
  readonly six: Made;
  readonly scoped: Made;
}

export interface Ports {
  readonly bound: Made;
  readonly plain: Made;
}

export async function put({ request }: Api, path: string, body: Body): Promise<Body> {
  const answer = await request('PUT', path, body);
  if (answer.status >= 300) throw new Error(`PUT ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
