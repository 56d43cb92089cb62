// Which switch the hosts of a state directory have: ports in its database are bound to it, so that it stays the one of the first start.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const switchKinds = ['linuxbridge', 'openvswitch'] as const;
export type SwitchKind = (typeof switchKinds)[number];

/** Of directories from before there was a choice, Linux bridges. Throws with words for the user. */
export function chooseSwitch(folder: string, wanted: SwitchKind | undefined): SwitchKind {
  const file = join(folder, 'switch');
  const isOld = ['weft.db', 'instances.json'].some(name => existsSync(join(folder, name)));
  const said = existsSync(file) ? readFileSync(file, 'utf8').trim() : isOld ? 'linuxbridge' : undefined;
  const known = switchKinds.find(kind => kind === said);
  if (said !== undefined && known === undefined) throw new Error(`${file} names no switch: ${JSON.stringify(said)}`);
  if (known !== undefined && wanted !== undefined && wanted !== known)
    throw new Error(
      `the hosts of this state directory have --switch ${known}, and what is in it is bound to that: name another --state-dir, or remove ${folder} to begin anew`,
    );
  const chosen = known ?? wanted ?? 'linuxbridge';
  if (!existsSync(file)) writeFileSync(file, `${chosen}\n`, { mode: 0o600 });
  return chosen;
}
