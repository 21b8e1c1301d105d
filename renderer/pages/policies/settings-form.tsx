import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { fieldsOf, fieldTitle, type SettingField } from './policy-words.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Settings = Record<string, Json>;

/** A shipped policy's settings by its own schema. What is not valid JSON is told beside its field and not handed on. */
export function SettingsForm({
  schema,
  value,
  onChange,
}: {
  schema: unknown;
  value: Settings;
  onChange: (value: Settings, isValid: boolean) => void;
}) {
  const [wrong, setWrong] = useState<Record<string, string>>({});
  const fields = fieldsOf(schema);
  if (fields.length === 0) return <p className="secondary inset">{texts.policies.itHasNoSettings}</p>;
  const put = (name: string, next: Json, problem = '') => {
    const problems = { ...wrong, [name]: problem };
    setWrong(problems);
    const isValid = Object.values(problems).every((text) => text === '');
    onChange(problem === '' ? { ...value, [name]: next } : value, isValid);
  };
  return (
    <div className="settings-form">
      {fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={value[field.name]}
          problem={wrong[field.name] ?? ''}
          onChange={(next, problem) => put(field.name, next, problem)}
        />
      ))}
    </div>
  );
}

function Field({
  field,
  value,
  problem,
  onChange,
}: {
  field: SettingField;
  value: Json | undefined;
  problem: string;
  onChange: (value: Json, problem?: string) => void;
}) {
  const now = value ?? (field.fallback as Json | undefined) ?? null;
  const id = `setting-${field.name}`;
  const [text, setText] = useState(field.kind === 'json' ? JSON.stringify(now) : String(now ?? ''));
  const described =
    field.description ||
    (field.fallback === undefined
      ? ''
      : texts.policies.usually(field.kind === 'json' ? JSON.stringify(field.fallback) : String(field.fallback)));
  const common = { id, className: 'field full-width', 'aria-invalid': problem !== '', 'aria-describedby': `${id}-note` };
  return (
    <div>
      <label className="field-label" htmlFor={id}>
        {fieldTitle(field.name)}
      </label>
      {field.kind === 'boolean' ? (
        <input id={id} type="checkbox" checked={now === true} onChange={(event) => onChange(event.target.checked)} />
      ) : field.kind === 'choice' ? (
        <select {...common} value={String(now ?? '')} onChange={(event) => onChange(event.target.value)}>
          {field.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          inputMode={field.kind === 'number' ? 'decimal' : 'text'}
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            const { next, wrong } = parse(field.kind, target.value);
            onChange(next, wrong);
          }}
        />
      )}
      <div id={`${id}-note`} className={`caption ${problem ? 'bad-text' : 'muted'}`}>
        {problem || described}
      </div>
    </div>
  );
}

function parse(kind: SettingField['kind'], text: string): { next: Json; wrong: string } {
  if (kind === 'text') return { next: text, wrong: '' };
  if (kind === 'number') {
    const number = Number(text.trim().replace(',', '.'));
    return text.trim() === '' || !Number.isFinite(number)
      ? { next: null, wrong: texts.policies.thisIsANumber }
      : { next: number, wrong: '' };
  }
  try {
    return { next: JSON.parse(text) as Json, wrong: '' };
  } catch {
    return { next: null, wrong: texts.policies.thisIsWritten };
  }
}
