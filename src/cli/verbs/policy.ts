// weft policy list, show, check: the rules in force, where they come from, and why a request is allowed or denied.
import type { DecisionView, PolicyView, RuleView } from '../control.ts';
import type { StateFolder } from '../state.ts';
import { type Call, Failure, flag, type OptionSpec, text, texts, usage, type Verb } from '../verb.ts';
import { type ConfigFiles, configFilesOf, configOption } from './config-option.ts';
import { stateOf, stateOption } from './state-option.ts';

/** Files that were named; without any a running Weft's rules, and those of the state directory where none runs. */
export interface PolicyPlace extends ConfigFiles {
  readonly folder: StateFolder;
}

export interface PolicyQuestion {
  readonly action: string;
  readonly user?: string;
  readonly project?: string;
  /** Undefined: those that the user has in the project. */
  readonly roles?: readonly string[];
  /** Undefined: an object of the caller's project. */
  readonly target?: Readonly<Record<string, unknown>>;
}

/** What main does for these verbs. */
export interface PolicyDesk {
  rules(place: PolicyPlace): Promise<PolicyView>;
  check(place: PolicyPlace, question: PolicyQuestion): Promise<DecisionView>;
}

const placeOptions: Readonly<Record<string, OptionSpec>> = { ...stateOption, ...configOption };
const json: Readonly<Record<string, OptionSpec>> = { json: { type: 'boolean', help: 'print it as JSON' } };
const placeOf = (call: Call): PolicyPlace => ({ folder: stateOf(call), ...configFilesOf(call) });

const where =
  'The rules are those of the files that are named; without any those of the running Weft, and where none runs those of the state directory.';

export const policyVerbs = (desk: PolicyDesk): readonly Verb[] => [listVerb(desk), showVerb(desk), checkVerb(desk)];

function listVerb(desk: PolicyDesk): Verb {
  return {
    path: ['policy', 'list'],
    usage: '[TEXT]',
    summary: 'list the rules with what they check and where they come from',
    details: ['With TEXT, rules whose names have it in them.', where],
    examples: ['weft policy list', 'weft policy list create_port', 'weft policy list --changed --policy-file policy.yaml'],
    options: { ...placeOptions, changed: { type: 'boolean', help: 'only rules that a file changes' }, ...json },
    args: [0, 1],
    async run(call: Call) {
      const { rules, warnings } = await desk.rules(placeOf(call));
      const [wanted = ''] = call.args;
      const found = rules.filter(r => r.name.includes(wanted) && !(flag(call, 'changed') && r.source === 'default'));
      if (flag(call, 'json')) call.out(JSON.stringify(found, undefined, 2));
      else for (const line of [...table(found), ...warnings.map(w => `warning: ${w}`)]) call.out(line);
      return 0;
    },
  };
}

function table(rules: readonly RuleView[]): string[] {
  const width = (column: 'name' | 'source'): number => Math.max(0, ...rules.map(r => r[column].length));
  const [name, source] = [width('name'), width('source')];
  return rules.map(r => `${r.name.padEnd(name)}  ${r.source.padEnd(source)}  ${r.check}`);
}

function showVerb(desk: PolicyDesk): Verb {
  return {
    path: ['policy', 'show'],
    usage: 'RULE',
    summary: 'show a rule: its check, its default, its older names, and the requests that it decides on',
    details: [where],
    examples: ['weft policy show create_network', 'weft policy show get_port:binding:host_id --policy-file policy.yaml'],
    options: { ...placeOptions, ...json },
    args: [1, 1],
    async run(call: Call) {
      const [name = ''] = call.args;
      const { rules } = await desk.rules(placeOf(call));
      const declared = rules.find(r => r.name === name && r.default !== undefined);
      const rule = declared ?? rules.find(r => r.deprecated.some(d => d.name === name)) ?? rules.find(r => r.name === name);
      if (!rule) throw new Failure(`there is no rule ${name}; "weft policy list" lists them`);
      if (flag(call, 'json')) call.out(JSON.stringify(rule, undefined, 2));
      else for (const line of describe(rule)) call.out(line);
      return 0;
    },
  };
}

function describe(rule: RuleView): string[] {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['rule', [rule.name]],
    ['check', [rule.check]],
    ['from', [rule.source]],
    ['default', rule.default === undefined ? [] : [rule.default]],
    ['older', rule.deprecated.map(d => `${d.name === rule.name ? '' : `${d.name}: `}${d.check}`)],
    ['requests', rule.operations],
    ['tokens', rule.scopes],
  ];
  return rows.flatMap(([label, lines]) => lines.map((line, i) => `${(i === 0 ? label : '').padEnd(9)} ${line}`));
}

function checkVerb(desk: PolicyDesk): Verb {
  const verb: Verb = {
    path: ['policy', 'check'],
    usage: 'RULE',
    summary: 'say whether somebody may do something, and why',
    details: [
      "USER and PROJECT are names or ids of the built-in identity, which knows their roles; with --roles nobody has to exist. Without --target it is about an object of the caller's project.",
      where,
      'The exit status is 0 when it is allowed, and 3 when it is denied.',
    ],
    examples: [
      'weft policy check create_network --user weft --project weft',
      'weft policy check update_network:shared --roles member,reader --project p1 --target project_id=p1',
      'weft policy check get_port --roles reader --project p1 --target project_id=p2 --target network:project_id=p1',
    ],
    options: {
      user: { type: 'string', value: 'USER', help: 'who asks' },
      project: { type: 'string', value: 'PROJECT', help: "the project of the token (default: the user's own)" },
      roles: { type: 'string', value: 'ROLE,…', help: 'roles, in place of those that the user has in the project' },
      target: {
        type: 'string',
        value: 'NAME=VALUE',
        multiple: true,
        help: 'an attribute of the object: a text, true, false, null or a number',
      },
      ...placeOptions,
      ...json,
    },
    args: [1, 1],
    async run(call: Call) {
      const decision = await desk.check(placeOf(call), questionOf(verb, call));
      if (flag(call, 'json')) call.out(JSON.stringify(decision, undefined, 2));
      else for (const line of sentence(call.args[0] ?? '', decision)) call.out(line);
      return decision.allowed ? 0 : 3;
    },
  };
  return verb;
}

function questionOf(verb: Verb, call: Call): PolicyQuestion {
  const [user, project, roles] = [text(call, 'user'), text(call, 'project'), text(call, 'roles')];
  if (user === undefined && roles === undefined) throw usage(verb, 'who? --user USER, or --roles ROLE,…');
  const target = texts(call, 'target').map(given => attribute(verb, given));
  return {
    action: call.args[0] ?? '',
    ...(user === undefined ? {} : { user }),
    ...(project === undefined ? {} : { project }),
    ...(roles === undefined ? {} : { roles: roles.split(',').filter(Boolean) }),
    ...(target.length === 0 ? {} : { target: Object.fromEntries(target) }),
  };
}

/** Names have colons, so the first `=` ends one. */
function attribute(verb: Verb, given: string): readonly [string, unknown] {
  const at = given.indexOf('=');
  if (at < 1) throw usage(verb, `--target takes NAME=VALUE, not ${JSON.stringify(given)}`);
  return [given.slice(0, at), readValue(given.slice(at + 1))];
}

function readValue(text: string): unknown {
  const words: Readonly<Record<string, unknown>> = { true: true, True: true, false: false, False: false, null: null, None: null };
  if (Object.hasOwn(words, text)) return words[text];
  return /^-?(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
}

function sentence(action: string, { allowed, rule, caller, target, why }: DecisionView): string[] {
  const words = (of: Readonly<Record<string, unknown>>): string =>
    Object.entries(of)
      .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : value}`)
      .join(' ') || 'nothing';
  return [
    `${allowed ? 'allowed' : 'denied'}: ${action}${rule === undefined ? '' : `, by the rule ${rule}`}`,
    `caller: ${words(caller)}`,
    `object: ${words(target)}`,
    why,
  ];
}
