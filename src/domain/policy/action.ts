// The rule that a request as a whole must satisfy, as refusals print it: the action's own, one per policed attribute that it names, and
// one per policed key inside those.
import { type Check, show } from './check.ts';

export interface NamedAttribute {
  /** `create_port:fixed_ips` */
  readonly rule: string;
  /** `create_port:fixed_ips:subnet_id`, … */
  readonly within: readonly string[];
}

const rule = (name: string): Check => ({ kind: 'rule', name });

function attributeCheck({ rule: name, within }: NamedAttribute): Check {
  return within.length === 0 ? rule(name) : { kind: 'and', of: [rule(name), { kind: 'and', of: within.map(rule) }] };
}

function actionCheck(action: string, attributes: readonly NamedAttribute[]): Check {
  return attributes.reduce<Check>((check, a) => ({ kind: 'and', of: [check, attributeCheck(a)] }), rule(action));
}

/** `((rule:a and rule:a:b) and (rule:a:c and (rule:a:c:d)))` */
export function actionText(action: string, attributes: readonly NamedAttribute[]): string {
  return show(actionCheck(action, attributes));
}
