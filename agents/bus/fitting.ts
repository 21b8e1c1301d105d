import type { z } from 'zod';
import type { $ZodCheck, $ZodChecks, $ZodType, $ZodTypes } from 'zod/v4/core';

/** Whether parsing a value would give it back as it is, and JSON would carry it so. */
export type Fits = (value: unknown) => boolean;

const known = new WeakMap<$ZodType, Fits>();

/**
 * A quick check for who hands over plain data within one process: true only where `schema.parse` takes the value and gives back its equal, and where the value
 * is equal to what JSON makes of it. False says nothing: the schema is to be asked then. Schemas with transformations, refinements and formats never
 * fit. It is a function made of the schema as source text, as zod makes its own, and some ten times as quick, since it makes no copy.
 */
export function fitting(schema: z.ZodType): Fits {
  const before = known.get(schema);
  if (before) return before;
  const source = new Source();
  const expression = source.of(schema, 'value');
  const make = new Function('isJson', `${source.functions.join('\n')}\nreturn (value) => ${expression};`) as (
    isJson: Fits,
  ) => Fits;
  const fits = make(isJson);
  known.set(schema, fits);
  return fits;
}

/** As `schema.parse`, which is asked only of what might come out otherwise than it goes in. @throws z.ZodError */
export const asParsed = <S extends z.ZodType>(schema: S, value: unknown): z.infer<S> =>
  fitting(schema)(value) ? (value as z.infer<S>) : schema.parse(value);

const never = 'false';
/** As a literal of the source. Names and values of schemas are the program's own, and pass here all the same. */
const quoted = (value: string | number | boolean | null): string => JSON.stringify(value);

/** The checks of a schema as expressions, and as functions where they take more than that. */
class Source {
  readonly functions: string[] = [];
  readonly #named = new Map<$ZodType, string>();

  /** @param value the name of a variable */
  of(schema: $ZodType, value: string): string {
    const { def } = (schema as $ZodTypes)._zod;
    if ('coerce' in def && def.coerce) return never;
    switch (def.type) {
      case 'string':
        return 'format' in def ? never : all(`typeof ${value} === 'string'`, def.checks, (check) => lengthCheck(check, value));
      case 'number':
        if ('format' in def && def.format !== 'safeint') return never;
        return all(numberFits(value, 'format' in def), def.checks, (check) => numberCheck(check, value));
      case 'array':
        return all(this.#call(schema, value), def.checks, (check) => lengthCheck(check, value));
      default:
        return def.checks && def.checks.length > 0 ? never : this.#unchecked(schema, def, value);
    }
  }

  #unchecked(schema: $ZodType, def: $ZodTypes['_zod']['def'], value: string): string {
    switch (def.type) {
      case 'boolean':
        return `typeof ${value} === 'boolean'`;
      case 'null':
        return `${value} === null`;
      case 'literal':
        return oneOf(def.values, value);
      case 'enum':
        return oneOf(Object.values(def.entries), value);
      case 'nullable':
        return `(${value} === null || ${this.of(def.innerType, value)})`;
      // What is not there is told apart by the object that it is not in.
      case 'optional':
      case 'default':
        return this.of(def.innerType, value);
      case 'union':
        if (!('discriminator' in def) && (def.inclusive === false || overlap(def.options))) return never;
        return `(${def.options.map((option) => this.of(option, value)).join(' || ')})`;
      case 'unknown':
      case 'any':
        return `isJson(${value})`;
      case 'object':
      case 'record':
      case 'tuple':
      case 'lazy':
        return this.#call(schema, value);
      default:
        return never;
    }
  }

  #call(schema: $ZodType, value: string): string {
    let name = this.#named.get(schema);
    if (!name) {
      name = `fits${this.#named.size}`;
      // Before it is made: it may contain itself.
      this.#named.set(schema, name);
      this.functions.push(`function ${name}(value) {\n${this.#body(schema)}\n}`);
    }
    return `${name}(${value})`;
  }

  #body(schema: $ZodType): string {
    const { def } = (schema as $ZodTypes)._zod;
    switch (def.type) {
      case 'object':
        return def.catchall && def.catchall._zod.def.type !== 'never' ? 'return false;' : this.#object(def.shape);
      case 'record': {
        const key = def.keyType._zod.def;
        if (key.type !== 'string' || 'format' in key || (key.checks?.length ?? 0) > 0) return 'return false;';
        const fits = this.of(def.valueType, 'one');
        return `${isPlainObject}
for (const name in value) { const one = value[name]; if (name === '__proto__' || !(${fits})) return false; }
return true;`;
      }
      case 'array':
        // By index: what a sparse array has not is looked at, too.
        return `if (!Array.isArray(value)) return false;
for (let index = 0; index < value.length; index++) { const one = value[index]; if (!(${this.of(def.element, 'one')})) return false; }
return true;`;
      case 'tuple': {
        if (def.rest || def.items.some(({ _zod: { optin } }) => optin === 'optional')) return 'return false;';
        const each = def.items.map((item, at) => `{ const one = value[${at}]; if (!(${this.of(item, 'one')})) return false; }`);
        return [`if (!Array.isArray(value) || value.length !== ${def.items.length}) return false;`, ...each, 'return true;'].join(
          '\n',
        );
      }
      case 'lazy':
        return `return ${this.of(def.getter(), 'value')};`;
      default:
        return 'return false;';
    }
  }

  /** What is known of an object is counted, then all that it has: no more, and nothing undefined. */
  #object(shape: Readonly<Record<string, $ZodType>>): string {
    const each = Object.entries(shape).map(([name, schema]) => {
      const fits = `if (!(${this.of(schema, 'one')})) return false; count++;`;
      return `{ const one = value[${quoted(name)}]; ${mayBeAbsent(schema) ? `if (one !== undefined) { ${fits} }` : fits} }`;
    });
    return [isPlainObject, 'let count = 0;', ...each, 'for (const name in value) count--;', 'return count === 0;'].join('\n');
  }
}

const isPlainObject = `if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;`;

/** JSON has no NaN, no infinity and no -0. */
const numberFits = (value: string, isInteger: boolean): string =>
  `(Number.${isInteger ? 'isSafeInteger' : 'isFinite'}(${value}) && (${value} !== 0 || 1 / ${value} > 0))`;

function oneOf(values: readonly unknown[], value: string): string {
  const each = values.map((one) => {
    if (typeof one === 'number') return `Object.is(${value}, ${quoted(one)})`;
    return typeof one === 'string' || typeof one === 'boolean' || one === null ? `${value} === ${quoted(one)}` : never;
  });
  return `(${[never, ...each].join(' || ')})`;
}

function numberCheck({ _zod: { def } }: $ZodChecks, value: string): string {
  if (def.check === 'number_format' && def.format === 'safeint') return `Number.isSafeInteger(${value})`;
  if ((def.check !== 'greater_than' && def.check !== 'less_than') || typeof def.value !== 'number') return never;
  return `${value} ${def.check === 'greater_than' ? '>' : '<'}${def.inclusive ? '=' : ''} ${quoted(def.value)}`;
}

function lengthCheck({ _zod: { def } }: $ZodChecks, value: string): string {
  if (def.check === 'min_length') return `${value}.length >= ${def.minimum}`;
  return def.check === 'max_length' ? `${value}.length <= ${def.maximum}` : never;
}

function all(fits: string, checks: readonly $ZodCheck<never>[] = [], of: (check: $ZodChecks) => string): string {
  return `(${[fits, ...checks.map((check) => of(check as unknown as $ZodChecks))].join(' && ')})`;
}

/** Absent, and absent from what is parsed: no default takes its place. */
function mayBeAbsent({ _zod: { def } }: $ZodType): boolean {
  if (def.type !== 'optional') return false;
  const { innerType } = def as { innerType?: $ZodType };
  return innerType !== undefined && !['default', 'prefault', 'optional', 'lazy', 'pipe'].includes(innerType._zod.def.type);
}

/** Whether two options could take one value, of which the first might leave out what it does not know. */
function overlap(options: readonly $ZodType[]): boolean {
  const forms = options.flatMap(formsOf);
  const arrays = forms.filter((form) => form !== 'object');
  return new Set(forms).size < forms.length || (arrays.includes('array') && arrays.length > 1);
}

/** "object", "array", or "array of n"; what is neither is the same by whichever option it passes. */
function formsOf(schema: $ZodType): string[] {
  const { def } = (schema as $ZodTypes)._zod;
  switch (def.type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
    case 'literal':
    case 'enum':
      return [];
    case 'object':
    case 'record':
      return ['object'];
    case 'array':
      return ['array'];
    case 'tuple':
      return [`array of ${def.items.length}`];
    case 'nullable':
      return formsOf(def.innerType);
    default:
      return ['object', 'array'];
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (!isJson(value[index])) return false;
    return true;
  }
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const [name, one] of Object.entries(value)) if (name === '__proto__' || !isJson(one)) return false;
  return true;
}
