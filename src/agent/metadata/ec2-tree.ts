// The EC2 form of metadata: a tree of small texts, whose inner nodes list their children.
import { type Answer, notFound, text } from './answer.ts';
import type { Instance } from './instance.ts';

const VERSIONS = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
  'latest',
];

interface Folder {
  readonly [name: string]: string | Folder;
}

export function isEc2Path(segments: readonly string[]): boolean {
  return segments.length === 0 || VERSIONS.includes(segments[0] ?? '');
}

export function ec2Answer(instance: Instance, segments: readonly string[]): Answer {
  const [, kind, ...path] = segments;
  if (segments.length === 0) return text(VERSIONS.join('\n'));
  if (kind === undefined) return text(instance.userData === null ? 'meta-data/' : 'meta-data/\nuser-data');
  if (kind === 'user-data' && path.length === 0 && instance.userData !== null) return text(instance.userData);
  return kind === 'meta-data' ? walk(instance, path) : notFound;
}

function walk(instance: Instance, path: readonly string[]): Answer {
  let node: string | Folder | undefined = metaData(instance);
  for (const name of path) {
    if (typeof node === 'string') return notFound;
    node = Object.hasOwn(node, name) ? node[name] : undefined;
    if (node === undefined) return notFound;
  }
  if (typeof node === 'string') return text(node);
  // Keys are listed as number=name; everything else by name, with a slash when there is more below it.
  if (path.length === 1 && path[0] === 'public-keys') return text(instance.publicKeys.map((k, i) => `${i}=${k.name}`).join('\n'));
  return text(
    Object.entries(node)
      .map(([name, below]) => (typeof below === 'string' ? name : `${name}/`))
      .join('\n'),
  );
}

function metaData(instance: Instance): Folder {
  const keys = Object.fromEntries(instance.publicKeys.map((k, i) => [String(i), { 'openssh-key': k.key }]));
  return {
    // There are no images here to name.
    'ami-id': 'None',
    'ami-launch-index': '0',
    hostname: instance.hostname,
    'instance-action': 'none',
    'instance-id': instance.id,
    'local-hostname': instance.hostname,
    ...(instance.localIpv4 === undefined ? {} : { 'local-ipv4': instance.localIpv4 }),
    placement: { 'availability-zone': instance.availabilityZone },
    'public-hostname': instance.hostname,
    ...(instance.publicIpv4 === undefined ? {} : { 'public-ipv4': instance.publicIpv4 }),
    ...(instance.publicKeys.length > 0 ? { 'public-keys': keys } : {}),
    'security-groups': instance.securityGroups.join('\n'),
  };
}
