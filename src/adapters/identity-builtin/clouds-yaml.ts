// clouds.yaml for the built-in identity: the clouds `weft` (a member of a project), `weft-admin` and `weft-other`.
import type { Passwords } from './state-file.ts';

const clouds = { weft: 'weft', 'weft-admin': 'admin', 'weft-other': 'other' } as const;

/** The text of the file. It holds passwords: write it with mode 0600. */
export function makeCloudsYaml(options: { readonly baseUrl: string; readonly passwords: Passwords; readonly region?: string }): string {
  const { baseUrl, passwords, region = 'RegionOne' } = options;
  // A JSON string is a YAML double-quoted scalar.
  const q = JSON.stringify;
  const entries = Object.entries(clouds).map(([cloud, user]) =>
    [
      `  ${cloud}:`,
      '    auth_type: password',
      '    auth:',
      `      auth_url: ${q(`${baseUrl.replace(/\/+$/, '')}/identity`)}`,
      `      username: ${q(user)}`,
      `      password: ${q(passwords[user])}`,
      `      project_name: ${q(user)}`,
      '      user_domain_id: default',
      '      project_domain_id: default',
      `    region_name: ${q(region)}`,
      '    identity_api_version: 3',
      '    interface: public',
    ].join('\n'),
  );
  return `# Made by Weft when its identity was; the passwords are nowhere else.\nclouds:\n${entries.join('\n')}\n`;
}

/** The passwords in a file that `makeCloudsYaml` wrote, to write it again for another address. Undefined: it is not such a file. */
export function passwordsInCloudsYaml(text: string): Passwords | undefined {
  const found: Record<string, string> = {};
  for (const match of text.matchAll(/^ {6}username: ("(?:[^"\\]|\\.)*")\n {6}password: ("(?:[^"\\]|\\.)*")$/gm)) {
    found[JSON.parse(match[1]!)] = JSON.parse(match[2]!);
  }
  const { admin, weft, other } = found;
  return admin !== undefined && weft !== undefined && other !== undefined ? { admin, weft, other } : undefined;
}
