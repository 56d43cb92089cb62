// Where the API is served: an option of the verbs that start it.
import { type Call, type OptionSpec, text, usage, type Verb } from '../verb.ts';

export const listenOption: Readonly<Record<string, OptionSpec>> = {
  listen: {
    type: 'string',
    value: 'ADDR:PORT',
    help: 'where the API is served (default: bind_host and bind_port of the configuration, or 127.0.0.1:9696)',
  },
};

/** `127.0.0.1:9696`, `[::1]:9696`. */
/** Undefined: where the configuration says. */
export function listenOf(verb: Verb, call: Call): { address: string; port: number } | undefined {
  const given = text(call, 'listen');
  if (given === undefined) return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+|localhost)):(\d{1,5})$/i.exec(given);
  const port = Number(match?.[3]);
  const address = match?.[1] ?? match?.[2];
  if (address === undefined || port > 65535)
    throw usage(verb, `--listen takes ADDR:PORT, such as 127.0.0.1:9696, not ${JSON.stringify(given)}`);
  return { address, port };
}
