// `/healthcheck` beside oslo.middleware's (Debian's), and what it says of a broker and a database that are away.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/contracts/free-port.ts';
import { defaultConfig, type HealthConfig } from '../../src/server/context.ts';
import { start, until } from '../api/harness.ts';
import { once, startService } from '../api/service.ts';
import { noRabbit, Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const python = '/usr/bin/python3';
const skip =
  spawnSync(python, ['-c', 'import oslo_middleware']).status === 0 ? false : 'no oslo.middleware here (Debian: python3-oslo.middleware)';
const peer = fileURLToPath(import.meta.resolve('./oslo_healthcheck.py'));

const folder = mkdtempSync(join(tmpdir(), 'weft-health-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const there = join(folder, 'off');
writeFileSync(there, '');
const missing = join(folder, "is 'not' <there>");

interface Question {
  readonly options: Readonly<Record<string, string>>;
  readonly method: string;
  readonly accept: string | null;
  readonly port: string;
}

const accepts = [
  null,
  'text/plain',
  'text/html',
  'application/json',
  'application/xml',
  'text/html;q=0.5,application/json',
  '*/*',
  'text/*',
];
const asked = (
  config: Partial<HealthConfig>,
  options: Question['options'],
  port: number,
): { config: Partial<HealthConfig>; questions: Question[] } => ({
  config,
  questions: [
    ...accepts.map(accept => ({ options, method: 'GET', accept, port: String(port) })),
    ...['HEAD', 'POST'].map(method => ({ options, method, accept: null, port: String(port) })),
  ],
});

describe('beside oslo.middleware', { skip }, () => {
  for (const [name, disableByFilePath] of [
    ['a file that is there', there],
    ['one that is not', missing],
    ['none', ''],
  ] as const)
    for (const detailed of [false, true])
      test(`${name}${detailed ? ', in detail' : ''}`, () =>
        same(
          asked(
            { disableByFilePath, detailed },
            { backends: 'disable_by_file', disable_by_file_path: disableByFilePath, detailed: String(detailed) },
            0,
          ),
        ));

  test('a file for this port, one for another, none', async () => {
    for (const port of [0, 1])
      for (const path of [there, missing]) {
        const options = (of: number): Question['options'] => ({
          backends: 'disable_by_files_ports',
          disable_by_file_paths: `${of}:${path}`,
        });
        await same(of =>
          asked({ backends: ['disable_by_files_ports'], disableByFilePaths: { [of + port]: path } }, options(of + port), of),
        );
      }
    const both = { backends: ['disable_by_file', 'disable_by_files_ports'], disableByFilePath: there, disableByFilePaths: {} } as const;
    await same(asked(both, { backends: 'disable_by_file,disable_by_files_ports', disable_by_file_path: there }, 0));
  });
});

type Asked = ReturnType<typeof asked>;

async function same(what: Asked | ((port: number) => Asked)): Promise<void> {
  // The port that a question names is known once a server has one.
  const port = typeof what === 'function' ? await freePort() : 0;
  const { config, questions } = typeof what === 'function' ? what(port) : what;
  const theirs = JSON.parse(spawnSync(python, [peer], { input: JSON.stringify(questions), encoding: 'utf8' }).stdout) as Answer[];
  await using h = await start({ health: { ...defaultConfig.health, ...config } }, undefined, { port });
  for (const [i, { method, accept }] of questions.entries()) {
    const { status, headers, text } = await once(`${h.server.url}/healthcheck`, { method, headers: accept === null ? {} : { accept } });
    const their = theirs[i] as Answer;
    const ours = { status, type: headers['content-type'] ?? null, text };
    assert.deepEqual(comparable(ours, config), comparable(their, config), JSON.stringify(questions[i]));
  }
}

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

/** In detail there is more of Python and its threads than of the server. */
function comparable(answer: Answer, { detailed = false }: Partial<HealthConfig>): unknown {
  const { status, type, text } = answer;
  if (!detailed || text === '' || type?.startsWith('text/plain')) return answer;
  if (type?.startsWith('text/html'))
    return { status, type, cells: [...text.matchAll(/<TD>([^<]*)<\/TD>/g)].map(([, cell]) => cell).slice(1) };
  const { reasons } = JSON.parse(text) as { reasons: { class: string; reason: string; details: string }[] };
  return { status, type, reasons: reasons.map(({ class: _, ...reason }) => reason) };
}

describe('a broker that goes and comes back', { skip: noRabbit }, () => {
  test('is told of by every worker, where it is asked for', async () => {
    await using rabbit = await Rabbit.start();
    const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
    const lines = `api_workers = 2\nrpc_state_report_workers = 0\ntransport_url = ${url}\n[healthcheck]\nbackends = database, messaging\n`;
    await using service = await startService(lines);
    const statuses = (): Promise<string[]> =>
      Promise.all([1, 2, 3, 4, 5, 6].map(async () => (await once(`${service.url}/healthcheck`, {})).text));
    const all = (word: string) => async () => (await statuses()).every(text => text === word);
    await until('it is there', all('OK\nOK'), 30_000);
    await rabbit.kill();
    await until('it is gone', all('OK\nMESSAGING UNREACHABLE'), 60_000);
    await rabbit.up();
    await until('it is back', all('OK\nOK'), 60_000);
  });
});
