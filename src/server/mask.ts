// What of an object its caller may see.
import type { Caller } from '../contracts/identity.ts';
import { attribute } from '../domain/policy/evaluate.ts';
import { attributesOf, type Residual } from '../domain/policy/residual.ts';
import { type Blank, blankOf } from '../engine/blank.ts';
import type { Resource } from '../model/kit/resource.ts';
import type { Policy } from './policy.ts';

/** Attributes of an object, and of its parents, that rules compare. */
type Thing = Readonly<Record<string, unknown>>;
export type Objects = readonly Thing[];

export interface Mask {
  /** Masks of the same name take the same from the same object. */
  readonly name: string;
  /** What policy shows of no object. */
  readonly denied: ReadonlySet<string>;
  /** Of every object or of none; undefined: of some. */
  shows(name: string): boolean | undefined;
  /** As `hidden` says it, where it takes the same from every object. */
  readonly always: string | undefined;
  /** Attributes of objects and of their parents that it compares. */
  readonly compares: ReadonlySet<string>;
  /** Columns that `hidden` looks at. */
  readonly columns: readonly string[];
  /** By row, the names of what is taken from its object; undefined where the row alone does not tell. */
  hidden(rows: Objects): readonly (string | undefined)[];
  /** Whether it takes more than the objects themselves to decide. */
  needsTargets(objects: Objects): boolean;
  /** The objects without the attributes that this caller may not see. `targets` may be empty where they are not needed. */
  apply(objects: Objects, targets: Objects): Record<string, unknown>[];
}

/** An attribute whose rule is not decided by the caller alone. */
interface Open {
  readonly name: string;
  readonly rule: string;
  readonly check: Residual;
}

/**
 * Attributes whose rules are decided once the caller is known cost nothing per object. The others are decided once for objects that are alike
 * in what the rules compare: all of one owner, for instance.
 */
export function maskFor(policy: Policy, caller: Caller, resource: Resource): Mask {
  const ofCaller = masks.get(policy) ?? new WeakMap<Caller, Map<Resource, Mask>>();
  masks.set(policy, ofCaller);
  const known = ofCaller.get(caller) ?? new Map<Resource, Mask>();
  ofCaller.set(caller, known);
  const mask = known.get(resource) ?? maskOf(policy, caller, resource);
  known.set(resource, mask);
  return mask;
}

/** For as long as the caller is known. */
const masks = new WeakMap<Policy, WeakMap<Caller, Map<Resource, Mask>>>();

function maskOf(policy: Policy, caller: Caller, resource: Resource): Mask {
  const { denied, never, open } = sorted(policy, caller, resource);
  const isOwn = (name: string): boolean => resource.fields[name] !== undefined;
  const compared = new Set(open.flatMap(o => [...attributesOf(o.check)]));
  const beyond = open.filter(o => ![...attributesOf(o.check)].every(isOwn));
  const allowed = (o: Open, target: Thing): boolean => policy.allows(o.rule, caller, target);
  const hide = (target: Thing): ReadonlySet<string> => new Set([...never, ...open.filter(o => !allowed(o, target)).map(o => o.name)]);
  const isColumn = (name: string): boolean => resource.table.columns[columnOf(name)] !== undefined;
  const untold = open.filter(o => ![...attributesOf(o.check)].every(isColumn));
  const namesOf = (row: Thing): string | undefined =>
    untold.every(o => !isNegative(o.check) && allowed(o, row)) ? listed(hide(row)) : undefined;
  const without = taker();
  const always = open.length === 0 ? listed(never) : undefined;
  return {
    denied,
    shows: name => (never.has(name) ? false : open.every(o => o.name !== name) ? true : undefined),
    name: JSON.stringify([[...never].sort(), open.map(({ name, check }) => [name, check])]),
    always,
    compares: compared,
    columns: [...compared].filter(isColumn).map(columnOf),
    hidden: rows =>
      open.length === 0
        ? rows.map(() => always)
        : once(
            rows.map(row => ({ ...row, tenant_id: row.project_id })),
            [...compared],
            namesOf,
          ),
    needsTargets: objects =>
      beyond.some(o => isNegative(o.check)) ||
      once(objects, [...compared], object => beyond.every(o => allowed(o, object))).includes(false),
    apply(objects, targets) {
      if (open.length === 0) return objects.map(object => without(object, never));
      const whole = targets.length === 0 ? objects : objects.map((object, i) => ({ ...targets[i], ...object }));
      const hidden = once(whole, [...compared], hide);
      return objects.map((object, i) => without(object, hidden[i] ?? never));
    },
  };
}

const listed = (names: ReadonlySet<string>): string => [...names].sort().join();

/** `tenant_id` is the older name. */
const columnOf = (name: string): string => (name === 'tenant_id' ? 'project_id' : name);

/** What policy shows the caller of no object. Attributes that are there to be asked for alone are not among them. */
export function hiddenFrom(policy: Policy, caller: Caller, resource: Resource): ReadonlySet<string> {
  return maskFor(policy, caller, resource).denied;
}

interface Sorted {
  /** By policy. */
  readonly denied: ReadonlySet<string>;
  /** By policy or by what they are. */
  readonly never: ReadonlySet<string>;
  readonly open: readonly Open[];
}

function sorted(policy: Policy, caller: Caller, resource: Resource): Sorted {
  const { hidden, ruled } = rulesOf(policy, resource);
  const checked = ruled.map(({ name, rule }) => ({ name, rule, check: policy.residual(rule, caller) }));
  const denied = new Set(checked.filter(({ check }) => check.kind === 'false').map(({ name }) => name));
  const open = checked.filter(({ check }) => check.kind !== 'false' && check.kind !== 'true');
  return { denied, never: new Set([...hidden, ...denied]), open };
}

interface Rules {
  readonly hidden: readonly string[];
  readonly ruled: readonly { readonly name: string; readonly rule: string }[];
}

const known = new WeakMap<Policy, Map<string, Rules>>();

/** Attributes that are never shown or switched off, and those that have a rule; the same for every request. */
function rulesOf(policy: Policy, { name: resource, policyName, fields, off = [] }: Resource): Rules {
  const ofPolicy = known.get(policy) ?? new Map<string, Rules>();
  known.set(policy, ofPolicy);
  const found = ofPolicy.get(`${policyName} ${resource}`);
  if (found) return found;
  const names = Object.keys(fields);
  const rules = {
    hidden: [...names.filter(name => fields[name]?.show === false), ...off],
    ruled: names.map(name => ({ name, rule: `get_${policyName}:${name}` })).filter(({ rule }) => policy.defined(rule)),
  };
  ofPolicy.set(`${policyName} ${resource}`, rules);
  return rules;
}

/** Without a `not`, what holds of an object alone holds whatever its parents are. */
export function isNegative(check: Residual): boolean {
  return check.kind === 'not' || ((check.kind === 'and' || check.kind === 'or') && check.of.some(isNegative));
}

/** Decides about each object, and anew only where it differs from the one before in these attributes. */
function once<T>(objects: Objects, names: readonly string[], decide: (object: Thing) => T): T[] {
  let last: readonly unknown[] = [];
  let decision: T | undefined;
  return objects.map((object, i) => {
    const values = names.map(name => attribute(object, name));
    if (i === 0 || values.some((v, k) => v !== last[k])) decision = decide(object);
    last = values;
    return decision as T;
  });
}

/** What of objects with the same keys is left. */
interface Shape {
  readonly keys: readonly string[];
  readonly kept: readonly string[];
  readonly blank: Blank;
}

function shapeOf(keys: readonly string[], hidden: ReadonlySet<string>): Shape {
  const kept = keys.filter(name => !hidden.has(name));
  return { keys, kept, blank: blankOf(kept) };
}

const fits = ({ keys }: Shape, others: readonly string[]): boolean =>
  keys.length === others.length && keys.every((name, i) => name === others[i]);

function hasSome(object: Thing, names: ReadonlySet<string>): boolean {
  for (const name of names) if (Object.hasOwn(object, name)) return true;
  return false;
}

/** Takes away from one object after the other. Most are alike. */
function taker(): (object: Readonly<Record<string, unknown>>, hidden: ReadonlySet<string>) => Record<string, unknown> {
  let last: { readonly shape: Shape; readonly hidden: ReadonlySet<string> } | undefined;
  return (object, hidden) => {
    // Objects are what a command has just made for this answer: who may see all of one is given it as it is.
    if (!hasSome(object, hidden)) return object;
    const keys = Object.keys(object);
    if (last?.hidden !== hidden || !fits(last.shape, keys)) last = { shape: shapeOf(keys, hidden), hidden };
    const { kept, blank } = last.shape;
    const out: Record<string, unknown> = { ...blank };
    for (const name of kept) out[name] = object[name];
    return out;
  };
}
