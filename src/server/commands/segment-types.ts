// What the network types say of a segment that is asked for.
import type { TypeDriver } from '../../contracts/drivers.ts';
import { invalidInput } from '../../domain/errors.ts';
import type { WantedSegment } from '../../domain/segments.ts';
import type { Services } from '../context.ts';

/** Refuses what the type does not allow; answers its driver. */
export function validateSegment(
  services: Services,
  { network_type: type, physical_network: physnet, segmentation_id: id }: WantedSegment,
): TypeDriver {
  const driver = services.config.typeDrivers.includes(type) ? services.drivers.types[type] : undefined;
  if (!driver) throw invalidInput(`network_type value '${type}' not supported`);
  if (type === 'local') validateLocal(physnet, id);
  else if (type === 'flat') validateFlat(services, physnet, id);
  else if (type === 'vlan') validateVlan(services, physnet, id);
  else if (physnet !== undefined) throw invalidInput(`provider:physical_network specified for ${type} network`);
  else checkBounds(driver, id);
  return driver;
}

function validateLocal(physnet: string | undefined, id: number | undefined): void {
  if (physnet !== undefined) throw invalidInput('physical_network prohibited for local provider network');
  if (id !== undefined) throw invalidInput('segmentation_id prohibited for local provider network');
}

function validateFlat(services: Services, physnet: string | undefined, id: number | undefined): void {
  if (!physnet) throw invalidInput('physical_network required for flat provider network');
  const { flatNetworks } = services.config;
  if (!flatNetworks.includes('*') && !flatNetworks.includes(physnet)) {
    throw invalidInput(`physical_network '${physnet}' unknown for flat provider network`);
  }
  if (id !== undefined) throw invalidInput('segmentation_id prohibited for flat provider network');
}

function validateVlan(services: Services, physnet: string | undefined, id: number | undefined): void {
  if (physnet === undefined) {
    if (id !== undefined) throw invalidInput('segmentation_id requires physical_network for VLAN provider network');
    return;
  }
  if (!Object.hasOwn(services.config.vlanRanges, physnet)) {
    throw invalidInput(`physical_network '${physnet}' unknown for VLAN provider network`);
  }
  if (id !== undefined && (id < 1 || id > 4094)) throw invalidInput(`segmentation_id out of range (1 through 4094)`);
}

function checkBounds(driver: TypeDriver, id: number | undefined): void {
  if (id === undefined || !driver.bounds) return;
  const [low, high] = driver.bounds;
  if (id < low || id > high) throw invalidInput(`segmentation_id out of range (${low} through ${high})`);
}
