// What Neutron's Linux bridge agent leaves in the mangle table: a chain for each port that is marked, and the jumps to them.

const chain = /^:(neutron-linuxbri-qos-\S+) /gm;
const jump = /^-A (.* -j neutron-linuxbri-qos-\S+)$/gm;

/** From the text of `iptables-save -t mangle`, that of a restore that takes them away; '' where there are none. */
export function withoutMarks(saved: string): string {
  const chains = [...saved.matchAll(chain)].map(([, name]) => name);
  if (chains.length === 0) return '';
  const jumps = [...saved.matchAll(jump)].map(([, rule]) => `-D ${rule}`);
  return ['*mangle', ...jumps, ...chains.map(name => `-F ${name}`), ...chains.map(name => `-X ${name}`), 'COMMIT', ''].join('\n');
}
