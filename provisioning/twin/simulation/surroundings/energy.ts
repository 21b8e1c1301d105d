import type { RandomStreams } from '../random.ts';
import type { World } from '../world.ts';
import { carbonIntensity, panelW, sunHeight, sunlightWPerM2 } from './sun.ts';

export interface Battery {
  capacityWh: number;
  /** At the beginning, 0–1. */
  charge: number;
}

export interface EnergyPlace {
  node: string;
  /** Degrees. */
  latitude: number;
  longitude: number;
  battery?: Battery;
  /** Of a solar panel, W at 1,000 W/m². */
  solarPeakW?: number;
  /** Takes what it lacks from the grid. */
  onGrid: boolean;
}

/** Batteries, panels and the sky are followed this often. */
const stepMs = 10_000;
/** Share of what is put into a battery that comes out again (lithium-ion: 90–95 %). */
const efficiency = 0.92;
/** A node whose battery is empty is off until there is so much in it again. */
const backAt = 0.05;
/** How much the clouds change in an hour (standard deviation), and how fast they forget. */
const clouds = { usual: 0.4, strays: 0.3, forgetsMs: 3 * 3_600_000 } as const;

/**
 * Batteries that nodes discharge and panels charge, and the carbon intensity of the grid over the day. A node whose battery runs empty goes
 * down until it is charged a little. Readings: battery_charge_ratio, solar_power_w, carbon_intensity_g_per_kwh and, of what the
 * panel does not give, grid_power_w.
 * @param skyOffsetMs what the sky's clock is ahead of the twin's
 */
export function startEnergy(world: World, places: readonly EnergyPlace[], random: RandomStreams, skyOffsetMs = 0): void {
  const held = new Map(
    places.map((place, index) => [
      place.node,
      {
        ...place,
        index,
        at: world.indexOf(place.node),
        wh: place.battery ? place.battery.charge * place.battery.capacityWh : 0,
        solarW: 0,
        cloud: clouds.usual as number,
        energyJ: 0,
        isOff: false,
      },
    ]),
  );
  world.addReader((node) => {
    const place = held.get(node);
    if (!place) return [];
    const readings: [string, number][] = [];
    if (place.battery) readings.push(['battery_charge_ratio', place.wh / place.battery.capacityWh]);
    if (place.solarPeakW !== undefined) readings.push(['solar_power_w', place.solarW]);
    if (place.onGrid)
      readings.push(
        ['carbon_intensity_g_per_kwh', carbonIntensity(world.now + skyOffsetMs, place.latitude, place.longitude, place.cloud)],
        ['grid_power_w', Math.max(0, world.powerW[place.at]! - place.solarW)],
      );
    return readings;
  });
  world.whenRunning((engine) => {
    const all = [...held.values()];
    const sunAt = (place: (typeof all)[number], now: number) =>
      panelW(place.solarPeakW ?? 0, sunlightWPerM2(sunHeight(now + skyOffsetMs, place.latitude, place.longitude), place.cloud));
    const keep = Math.exp(-stepMs / clouds.forgetsMs);
    const kind = engine.process((index, now) => {
      const place = all[index]!;
      const stray = (random.of(place.index) - 0.5) * Math.sqrt(12) * clouds.strays * Math.sqrt(1 - keep ** 2);
      place.cloud = Math.min(1, Math.max(0, clouds.usual + keep * (place.cloud - clouds.usual) + stray));
      const solarW = sunAt(place, now);
      const energyJ = engine.machines.energyJ(place.at, now);
      const dtS = stepMs / 1000;
      const givenWh = (((place.solarW + solarW) / 2) * dtS) / 3600;
      const takenWh = (energyJ - place.energyJ) / 3600;
      place.solarW = solarW;
      place.energyJ = energyJ;
      if (place.battery) {
        const netWh = givenWh - takenWh;
        // The grid gives what the panel does not, and charges nothing.
        const change = netWh > 0 ? netWh * efficiency : place.onGrid ? 0 : netWh;
        place.wh = Math.min(place.battery.capacityWh, Math.max(0, place.wh + change));
        const ratio = place.wh / place.battery.capacityWh;
        if (!place.isOff && !place.onGrid && place.wh <= 0) turn(place, true);
        else if (place.isOff && ratio >= backAt) turn(place, false);
      }
      engine.schedule(now + stepMs, kind, index);
    });
    const turn = (place: (typeof all)[number], isOff: boolean): void => {
      place.isOff = isOff;
      world.conditions.setUp(place.node, !isOff, 'power');
    };
    for (const [index, place] of all.entries()) {
      place.energyJ = engine.machines.energyJ(place.at, engine.now);
      place.solarW = sunAt(place, engine.now);
      engine.schedule(engine.now + stepMs, kind, index);
    }
  });
}
