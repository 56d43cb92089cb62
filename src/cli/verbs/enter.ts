// Runs a command in namespaces of a running Weft, with the caller's own terminal.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Failure } from '../verb.ts';

/** The command line that runs `command` in the namespaces of `init`, process 1 of a sandbox. */
export function enterArgv(init: number, command: readonly string[], rootless: boolean): string[] {
  // The sandboxes of an ordinary user belong to a user namespace, which gives back the rights that are needed to enter them.
  const user = rootless && process.getuid?.() !== 0 ? ['-U', '--preserve-credentials'] : [];
  return ['nsenter', '-t', String(init), ...user, '-m', '-n', '-p', '-u', '-i', `--wd=${workFolder()}`, '--', ...command];
}

/** Runs it with our own terminal. Answers its exit status, 128 + n when signal n ended it. */
export function enter(init: number, command: readonly string[], rootless: boolean): Promise<number> {
  return runToEnd(enterArgv(init, command, rootless), insideEnvironment());
}

/** The same, where the caller is. */
export function runHere(command: readonly string[]): Promise<number> {
  return runToEnd(command, process.env);
}

function runToEnd([program = '', ...argv]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: 'inherit', env });
    // Ctrl-C is for the command; we end when it does.
    const ignore = (): void => {};
    for (const name of ['SIGINT', 'SIGQUIT'] as const) process.on(name, ignore);
    const pass = (name: NodeJS.Signals): unknown => child.kill(name);
    process.on('SIGTERM', pass);
    child.once('error', error => reject(new Failure(`${program}: ${error.message}`)));
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** The caller's own, without the proxies that are out of reach inside. */
export function insideEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(https?|ftp|all|no)_proxy$/i.test(key)));
}

/** The caller's folder is there inside, too, unless it lies where a sandbox has a folder of its own. */
function workFolder(): string {
  const here = process.cwd();
  return /^\/(run|proc|sys)(\/|$)/.test(here) ? '/' : here;
}
