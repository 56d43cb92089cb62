// The QoS policies of the ports that are here, as the server has them.
import { RemoteError } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { noQos, type PortQos, policyOf, readPolicy } from '../desired/qos.ts';
import type { L2Core } from './agent.ts';
import { ObjectCache } from './object-cache.ts';
import { takePolicies } from './port-update.ts';
import type { ObjectPart, Resources } from './resources.ts';
import type { View } from './view.ts';

interface Given {
  readonly resources: Resources;
  readonly view: View;
  readonly log: Log;
}

/** With the extension; without it policies are nobody's business here. */
export function qosPoliciesOf({ ctx, resources, view }: Pick<L2Core, 'ctx' | 'resources' | 'view'>): QosPolicies | undefined {
  return ctx.config.extensions?.includes('qos') ? new QosPolicies({ resources, view, log: ctx.log }) : undefined;
}

/** Ports in one question. */
const QUESTION = 100;

export class QosPolicies implements ObjectPart {
  readonly listens: ObjectPart['listens'];
  private readonly given: Given;
  private readonly policies: ObjectCache<PortQos>;
  /** Messages may be lost that told which policies ports have. */
  private missed = false;

  constructor(given: Given) {
    this.given = given;
    this.policies = new ObjectCache(given.resources, given.log, { type: 'QosPolicy', key: 'id', read: readPolicy });
    this.listens = { QosPolicy: (event, objects) => this.policies.hear(event, objects) };
  }

  async refresh(again: boolean): Promise<void> {
    if (this.missed) await this.askPorts();
    this.policies.want(new Set(this.given.view.ports().flatMap(p => policyOf(p) ?? [])));
    await this.policies.refresh(again);
  }

  touchAll(): void {
    this.missed = true;
    this.policies.touchAll();
  }

  /** Undefined while it is not known: then the port is left as it is. */
  of(port: PortDetails): PortQos | undefined {
    const id = policyOf(port);
    if (id === null) return noQos;
    const known = this.policies.get(id);
    return known === null ? noQos : known;
  }

  /** To ask for ports as objects does not touch their status, as to ask for their details would. */
  private async askPorts(): Promise<void> {
    const { view, resources, log } = this.given;
    const ids = view.ports().map(p => p.port_id);
    this.missed = false;
    try {
      for (let from = 0; from < ids.length; from += QUESTION) {
        for (const { data } of await resources.bulkPull('Port', { id: ids.slice(from, from + QUESTION) })) {
          const device = view.ofPort(data['id']);
          // A field without a value may be left out.
          if (device) takePolicies(view, device, { qos_policy_id: null, qos_network_policy_id: null, ...data });
        }
      }
    } catch (error) {
      if (!(error instanceof RemoteError)) this.missed = true;
      if (!(error instanceof RemoteError)) throw error;
      log.warning('the server does not tell which QoS policies ports have', { error: String(error) });
    }
  }
}
