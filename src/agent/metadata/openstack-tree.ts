// The OpenStack form of metadata: JSON documents below /openstack/<version>/.
import { type Answer, json, notFound, text } from './answer.ts';
import type { Instance } from './instance.ts';

const VERSIONS = ['2012-08-10', '2013-04-04', '2013-10-17', '2015-10-15', '2016-06-30', '2016-10-06', '2017-02-22', '2018-08-27', 'latest'];
/** Since when a document is there. */
const SINCE = { vendor_data: '2013-10-17', network_data: '2015-10-15', vendor_data2: '2016-10-06' } as const;

export interface OpenstackSources {
  readonly instance: Instance;
  /** 512 fresh random bytes in base64. */
  randomSeed(): string;
  networkData(): Promise<unknown>;
}

/** `segments` are those behind `openstack`. */
export async function openstackAnswer(sources: OpenstackSources, segments: readonly string[]): Promise<Answer> {
  const [version, document, ...rest] = segments;
  if (version === undefined) return text(VERSIONS.join('\n'));
  if (!VERSIONS.includes(version) || rest.length > 0) return notFound;
  const { instance } = sources;
  const has = (since: string): boolean => version >= since;
  if (document === undefined) return text(documents(instance, has).join('\n'));
  if (!documents(instance, has).includes(document)) return notFound;
  switch (document) {
    case 'meta_data.json':
      return json(metaData(sources));
    case 'user_data':
      return text(instance.userData ?? '');
    case 'network_data.json':
      return json(await sources.networkData());
    default:
      return json({});
  }
}

/** `latest` sorts behind every date. */
function documents(instance: Instance, has: (since: string) => boolean): readonly string[] {
  return [
    'meta_data.json',
    ...(instance.userData === null ? [] : ['user_data']),
    ...(has(SINCE.vendor_data) ? ['vendor_data.json'] : []),
    ...(has(SINCE.network_data) ? ['network_data.json'] : []),
    ...(has(SINCE.vendor_data2) ? ['vendor_data2.json'] : []),
  ];
}

function metaData({ instance, randomSeed }: OpenstackSources): object {
  const keys = instance.publicKeys;
  return {
    uuid: instance.id,
    name: instance.name,
    hostname: instance.hostname,
    availability_zone: instance.availabilityZone,
    launch_index: 0,
    project_id: instance.projectId,
    random_seed: randomSeed(),
    devices: [],
    ...(Object.keys(instance.meta).length > 0 ? { meta: instance.meta } : {}),
    ...(keys.length > 0
      ? {
          public_keys: Object.fromEntries(keys.map(k => [k.name, k.key])),
          keys: keys.map(k => ({ name: k.name, type: 'ssh', data: k.key })),
        }
      : {}),
  };
}
