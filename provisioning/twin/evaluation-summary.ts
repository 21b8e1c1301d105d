import type { CameraResult } from './evaluation.ts';
import { type CameraVariant, cameraVariants, streetVariants } from './evaluation-variants.ts';

export interface CameraSummary {
  variant: CameraVariant;
  overTarget: number;
  switchesPerHour: number;
  mostSwitchesPerHour: number;
  energyWh: number;
  awake: number;
  missed: number;
  /** Of all runs together. */
  visits: number;
  visitsMissed: number;
  /** Share of the static placement's time over target. */
  ofStatic: number | undefined;
  /** Energy saved, 0–1, of all and of what is over idling: against the QoS policy alone, of cameras in a street against one that looks all the time. */
  saved: number | undefined;
  savedAboveIdle: number | undefined;
}

/** Means over the seeds. */
export function summarise(results: readonly CameraResult[]): CameraSummary[] {
  const of = (variant: CameraVariant) => results.filter((result) => result.variant === variant);
  const mean = (variant: CameraVariant, value: (result: CameraResult) => number): number | undefined => {
    const own = of(variant);
    return own.length === 0 ? undefined : own.reduce((sum, result) => sum + value(result), 0) / own.length;
  };
  const stillOver = mean('static', ({ overTarget }) => overTarget);
  return cameraVariants.flatMap((variant): CameraSummary[] => {
    const own = of(variant);
    if (own.length === 0) return [];
    const beside: CameraVariant = streetVariants.some((one) => one === variant) ? 'street' : 'qos';
    const saved = (value: (result: CameraResult) => number): number | undefined => {
      const base = mean(beside, value);
      return base === undefined ? undefined : 1 - mean(variant, value)! / base;
    };
    const overTarget = mean(variant, (result) => result.overTarget)!;
    return [
      {
        variant,
        overTarget,
        switchesPerHour: mean(variant, (result) => result.switchesPerHour)!,
        mostSwitchesPerHour: Math.max(...own.map((result) => result.switchesPerHour)),
        energyWh: mean(variant, ({ energyWh }) => energyWh)!,
        awake: mean(variant, ({ awake }) => awake)!,
        missed: mean(variant, ({ missed }) => missed)!,
        visits: own.reduce((sum, { visits }) => sum + visits, 0),
        visitsMissed: own.reduce((sum, { visitsMissed }) => sum + visitsMissed, 0),
        ofStatic: stillOver ? overTarget / stillOver : undefined,
        saved: saved(({ energyWh }) => energyWh),
        savedAboveIdle: saved(({ aboveIdleWh }) => aboveIdleWh),
      },
    ];
  });
}
