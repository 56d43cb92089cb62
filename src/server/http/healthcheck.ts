// `/healthcheck`, as oslo.middleware has it: what whoever spreads the load asks, without a token.
import { preferred } from './accept.ts';
import type { Reply } from './reply.ts';

export interface Health {
  readonly available: boolean;
  /** `OK`, or in a word or two why not. */
  readonly reason: string;
  readonly details: string;
}

export interface HealthCheck {
  /** As it is called in `[healthcheck] backends`. */
  readonly name: string;
  /** `port`: that the request came to. */
  look(port: number): Promise<Health>;
}

export interface HealthOptions {
  readonly checks: readonly HealthCheck[];
  /** `[healthcheck] detailed` */
  readonly detailed: boolean;
  readonly now: () => number;
}

export interface HealthQuestion {
  readonly method: string;
  readonly accept: string;
  readonly port: number;
}

type Result = Health & { readonly name: string };

const forms = { 'text/plain': text, 'text/html': html, 'application/json': json } as const;
type Form = keyof typeof forms;
const order = Object.keys(forms) as Form[];

/** Nobody is refused: whoever wants another form gets text. */
export async function healthReply(options: HealthOptions, { method, accept, port }: HealthQuestion): Promise<Reply> {
  const results = await Promise.all(options.checks.map(async check => ({ name: check.name, ...(await check.look(port)) })));
  const isHealthy = results.every(result => result.available);
  if (method === 'HEAD')
    return isHealthy ? { status: 204 } : { status: 503, text: '', headers: { 'content-type': 'text/plain; charset=UTF-8' } };
  const form = preferred(accept, order) ?? 'text/plain';
  const type = form === 'application/json' ? form : `${form}; charset=UTF-8`;
  return { status: isHealthy ? 200 : 503, text: forms[form](results, options), headers: { 'content-type': type } };
}

function text(results: readonly Result[]): string {
  return results.map(result => result.reason).join('\n');
}

function json(results: readonly Result[], options: HealthOptions): string {
  return JSON.stringify(
    options.detailed ? detailed(results, options) : { detailed: false, reasons: results.map(r => r.reason) },
    undefined,
    4,
  );
}

/** What of the process is of use to an operator; stacks of threads are not ours to have. */
function detailed(results: readonly Result[], { now }: HealthOptions): unknown {
  const reasons = results.map(({ name, reason, details }) => ({ class: name, details, reason }));
  return { detailed: true, now: new Date(now()).toISOString().replace('T', ' ').replace('Z', ''), reasons };
}

function html(results: readonly Result[], { detailed: isDetailed, now }: HealthOptions): string {
  const cells = (...all: string[]): string => all.map(cell => `\n    <TD>${escaped(cell)}</TD>`).join('');
  const row = ({ name, reason, details }: Result): string => (isDetailed ? cells(name, reason, details) : cells(reason));
  const titles = isDetailed ? ['Kind', 'Reason', 'Details'] : ['Reason'];
  const status = isDetailed ? `<H1>Server status</H1>\n<B>Current time:</B><PRE>${new Date(now()).toISOString()}</PRE>\n<HR></HR>\n` : '\n';
  return [
    '<HTML>\n<HEAD><TITLE>Healthcheck Status</TITLE></HEAD>\n<BODY>',
    `${status}<H2>Result of ${results.length} checks:</H2>`,
    '<TABLE bgcolor="#ffffff" border="1">\n<TBODY>\n<TR>\n',
    `${titles.map(title => `<TH>\n${title}\n</TH>`).join('\n')}\n</TR>`,
    `${results.map(result => `<TR>\n${row(result)}\n\n</TR>`).join('')}\n</TBODY>`,
    '</TABLE>\n<HR></HR>\n\n</BODY>\n</HTML>',
  ].join('\n');
}

const escaped = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;').replaceAll("'", '&#39;');
