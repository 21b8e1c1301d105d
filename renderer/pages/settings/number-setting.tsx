import { useEffect, useId, useState } from 'react';
import type { z } from 'zod';
import { type Settings, settingValues } from '../../../main/contract/settings.ts';
import { formatNumber } from '../../parts/format.ts';
import { texts } from '../../texts/texts.ts';

const words = texts.settings;
type NumberName = { [K in keyof Settings]: Settings[K] extends number ? K : never }[keyof Settings];

/** A number within the bounds that the core sets; taken when one leaves the field or presses Enter. */
export function NumberSetting({
  name,
  label,
  unit,
  value,
  onChange,
}: {
  name: NumberName;
  label: string;
  unit: string;
  value: number;
  onChange: (value: number) => void;
}) {
  const [text, setText] = useState(String(value));
  const about = useId();
  useEffect(() => setText(String(value)), [value]);
  const schema = settingValues.shape[name];
  const read = text.trim() === '' ? null : schema.safeParse(Number(text));
  const isValid = read?.success === true;
  const take = () => {
    if (read?.success && read.data !== value) onChange(read.data);
  };
  return (
    <div className="column setting-number">
      <span className="row gap-6">
        <input
          className="field number"
          inputMode="decimal"
          aria-label={label}
          aria-invalid={!isValid}
          aria-describedby={isValid ? undefined : about}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onBlur={take}
          onKeyDown={(event) => {
            if (event.key === 'Enter') take();
            if (event.key === 'Escape') setText(String(value));
          }}
        />
        <span className="muted">{unit}</span>
      </span>
      {isValid ? null : (
        <span id={about} className="bad-text caption" role="alert">
          {boundsOf(schema)}
        </span>
      )}
    </div>
  );
}

/** The bounds as the schema has them. */
function boundsOf(schema: z.ZodNumber): string {
  const { minValue, maxValue, isInt } = schema;
  const [from, to] = [formatNumber(minValue), formatNumber(maxValue)];
  return isInt ? words.wholeOutOfBounds(from, to) : words.outOfBounds(from, to);
}
