import type { ComponentDescription } from '../descriptions/application.ts';
import { parseQuantity } from '../descriptions/quantity.ts';

export const platforms = ['cpu', 'gpu', 'fpga', 'tpu'] as const;
export type Platform = (typeof platforms)[number];

/** Device plugins name their resources after a domain; Kubernetes' own have none, or that of the project. */
export const isDevice = (resource: string): boolean => resource.includes('/') && !/(^|\.)kubernetes\.io\//.test(resource);

/** Device plugins name what they offer after vendor and kind: nvidia.com/gpu, gpu.intel.com/i915, xilinx.com/fpga-u250, google.com/tpu. */
export const platformOf = (device: string): Platform | undefined =>
  platforms.find((platform) => platform !== 'cpu' && device.toLowerCase().includes(platform));

/** What a node's device plugins offer, by resource; absent where there are none. */
export type Offered = Readonly<Record<string, number>> | undefined;

export const deviceFor = (platform: Platform, offered: Offered): string | undefined =>
  Object.keys(offered ?? {}).find((device) => platformOf(device) === platform);

type Container = NonNullable<ComponentDescription['containers']>[number];

/**
 * The devices that a container's description asks for, as a node offers them: {"nvidia.com/gpu": "1"}. A GPU without an amount is one. Empty where
 * the node offers none: without its vendor's device plugin a kubelet knows of no device that could be asked for.
 */
export function devicesWanted({ platform_requirements: needs }: Container, offered: Offered): Record<string, string> {
  const wanted: [Platform, number][] = [
    ['gpu', needs?.gpu ? (parseQuantity(needs.gpu.requests ?? needs.gpu.limits ?? 1) ?? 1) : 0],
    ['fpga', needs?.fpga ? 1 : 0],
  ];
  return Object.fromEntries(
    wanted.flatMap(([platform, count]) => {
      const device = deviceFor(platform, offered);
      return count > 0 && device !== undefined ? [[device, String(Math.ceil(count))]] : [];
    }),
  );
}

/**
 * What becomes of a container's devices on another node, as a patch: those that are called otherwise there are asked for by that name. Undefined where nothing
 * changes. One that the node does not have at all stays asked for: the pod then says what it lacks.
 */
export function devicesMoved(
  devices: Readonly<Record<string, string>>,
  offered: Offered,
): Record<string, string | null> | undefined {
  const renamed = Object.entries(devices).flatMap(([device, count]) => {
    const platform = platformOf(device);
    const there = platform && offered?.[device] === undefined ? deviceFor(platform, offered) : undefined;
    return there === undefined ? [] : [[device, null] as const, [there, count] as const];
  });
  return renamed.length > 0 ? Object.fromEntries(renamed) : undefined;
}
