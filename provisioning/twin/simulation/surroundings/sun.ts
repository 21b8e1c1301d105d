const dayMs = 86_400_000;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/**
 * Sine of the sun's elevation; below 0 at night. Declination by Cooper (1969), solar time taken for local mean time at the longitude.
 * @param time ms since the epoch
 * @param latitude degrees, north is positive
 * @param longitude degrees, east is positive
 */
export function sunHeight(time: number, latitude: number, longitude = 0): number {
  const yearStart = Date.UTC(new Date(time).getUTCFullYear(), 0, 1);
  const day = Math.floor((time - yearStart) / dayMs) + 1;
  const declination = radians(23.45) * Math.sin(radians((360 / 365) * (284 + day)));
  const hours = (((time % dayMs) + dayMs) % dayMs) / 3_600_000 + longitude / 15;
  const hourAngle = radians(15 * (hours - 12));
  const place = radians(latitude);
  return Math.sin(place) * Math.sin(declination) + Math.cos(place) * Math.cos(declination) * Math.cos(hourAngle);
}

/**
 * Sunlight on level ground, W/m²: Haurwitz' clear sky (1945), less what clouds take (Kasten and Czeplak, 1980).
 * @param clouds share of the sky, 0–1
 */
export function sunlightWPerM2(height: number, clouds = 0): number {
  if (height <= 0) return 0;
  return 1098 * height * Math.exp(-0.057 / height) * (1 - 0.75 * clouds ** 3.4);
}

/** Of a panel that gives `peakW` at 1,000 W/m². */
export const panelW = (peakW: number, sunlight: number): number => (peakW * sunlight) / 1000;

/** Life-cycle emissions of power plants, g CO₂-equivalent per kWh: medians of IPCC AR5, working group III, annex III, table A.III.2. */
const emissions = { gas: 490, solar: 48, wind: 11 } as const;
/** Of the mean demand: what the grid's solar and wind plants give, at best and on the mean. */
const grid = { solarAtBest: 0.6, wind: 0.2 } as const;

/**
 * Carbon intensity of the grid, g/kWh: demand with peaks in the morning and the evening, met by the sun and the wind first and by gas for the rest. A model
 * for policies to follow the day by, of no particular country.
 * @param wind of its mean, 0–2
 */
export function carbonIntensity(time: number, latitude: number, longitude: number, clouds = 0, wind = 1): number {
  const hours = ((((time % dayMs) + dayMs) % dayMs) / 3_600_000 + longitude / 15 + 24) % 24;
  const demand = 1 + 0.15 * Math.cos(((hours - 18) / 12) * Math.PI) + 0.08 * Math.cos(((hours - 8) / 6) * Math.PI);
  const solar = Math.min(demand, (grid.solarAtBest * sunlightWPerM2(sunHeight(time, latitude, longitude), clouds)) / 1000);
  const blown = Math.min(demand - solar, grid.wind * wind);
  const gas = demand - solar - blown;
  return (solar * emissions.solar + blown * emissions.wind + gas * emissions.gas) / demand;
}
