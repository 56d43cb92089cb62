// How the answers to a sequence differ from the recorded ones, said in one line each: `member POST /ports status 201 → 400`.

import { compareAnswers, type Found, type Subnets, statusOf } from './compare/answers.ts';
import { Apart } from './compare/apart.ts';
import { withoutForeign } from './compare/foreign.ts';
import { objectsIn } from './compare/json.ts';
import { Revisions } from './compare/revisions.ts';
import { shapeOf } from './normal-form.ts';
import type { Answer, Json, RecordedRequest, Step } from './recorded.ts';

export interface Difference {
  readonly seed: number;
  readonly step: number;
  /** What docs/conformance.md may name. */
  readonly text: string;
}

interface Course {
  readonly apart: Apart;
  readonly revisions: Revisions;
  readonly subnets: Subnets;
}

const longest = 160;

export function differences(seed: number, steps: readonly Step[], answers: readonly Answer[]): Difference[] {
  const subnets = subnetsIn([...steps.map(step => step.answer), ...answers]);
  const course: Course = { apart: new Apart(), revisions: new Revisions(), subnets };
  return steps.flatMap(({ request, answer: recorded }, step) => {
    const seen = answers[step];
    if (!seen) return [];
    const follows = course.apart.follows(request, recorded, seen);
    course.apart.note(request, recorded, seen);
    return (follows ? [] : compare(request, recorded, seen, course)).map(found => ({
      seed,
      step,
      text: `${request.who} ${request.method} ${place(request)} ${inWords(found)}`,
    }));
  });
}

/** The path without ids, and of the query and the body that for which a refusal is documented. */
function place({ path, body }: RecordedRequest): string {
  const [below = '', query = ''] = path.split('?');
  const said = /(?:^|&)(marker(?==)|limit=-1(?=&|$))/.exec(query)?.[1];
  const marked = said === undefined ? '' : `?${said}`;
  const anyProtocol = /"protocol":"any"/i.test(JSON.stringify(body ?? null)) ? ' (protocol any)' : '';
  return `${below.replace(/\$\{\w+\}|[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')}${marked}${anyProtocol}`;
}

function inWords([where, recorded, seen]: Found): string {
  return `${where} ${short(recorded)} → ${short(seen)}`;
}

function short(value: Json | undefined): string {
  if (value === undefined) return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

function compare(request: RecordedRequest, recorded: Answer, seen: Answer, course: Course): Found[] {
  // Where the real one broke, it is only asked that Weft does not.
  if (recorded.status >= 500) course.revisions.forget(request);
  if (recorded.status >= 500) return seen.status >= 500 ? [['status', statusOf(recorded), statusOf(seen)]] : [];
  const refused = readersWrite(request, recorded, seen);
  if (refused) return refused;
  const [a, b] = [recorded, seen].map(answer => course.apart.without(answer.body)) as [Json, Json];
  const own = request.shape ? shapeOf(a) : withoutForeign(request, a, b);
  const courses = course.revisions.compare(request, [own, b], course.apart);
  const found = compareAnswers({ ...recorded, body: own }, { ...seen, body: b }, course.subnets);
  return [
    ...found.filter(([where]) => !counts(where, course.apart)),
    ...courses.map(([id, was, is]): Found => [`revision of ${id.replace(/\d+>$/, '>')}`, was, is]),
  ];
}

/** How much of a quota is used, where one side alone has something of that kind. */
function counts(where: string, apart: Apart): boolean {
  const kind = /^value \.quota\.(\w+)\.used$/.exec(where)?.[1];
  return kind !== undefined && apart.someOf(kind);
}

/** A reader reads: what the recorded server lets him do, or refuses for another reason than who he is, is refused for that one. */
function readersWrite({ who, method }: RecordedRequest, recorded: Answer, seen: Answer): Found[] | undefined {
  if (who !== 'reader' || method === 'GET') return undefined;
  if (seen.status < 300) return [['a reader changes something: status', statusOf(recorded), statusOf(seen)]];
  return seen.status === 403 && recorded.status !== 401 ? [] : undefined;
}

function subnetsIn(answers: readonly Answer[]): Subnets {
  const subnets = answers.flatMap(({ body }) => [...objectsIn(body)]).filter(object => 'cidr' in object && 'network_id' in object);
  return new Map(subnets.flatMap(({ id, network_id: network }) => (id === undefined || network === undefined ? [] : [[id, network]])));
}
