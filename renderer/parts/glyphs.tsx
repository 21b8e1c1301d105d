import type { Layer } from '../state/types.ts';

export type IconName =
  | 'testbeds'
  | 'run'
  | 'topology'
  | 'telemetry'
  | 'decisions'
  | 'applications'
  | 'diagnostics'
  | 'terminals'
  | 'search'
  | 'moon'
  | 'sun'
  | 'play'
  | 'pause'
  | 'chev'
  | 'chevr'
  | 'more'
  | 'plus'
  | 'minus'
  | 'x'
  | 'split'
  | 'key'
  | 'lock'
  | 'download'
  | 'table'
  | 'refresh'
  | 'laptop'
  | 'twin'
  | 'step'
  | 'arrow'
  | 'copy'
  | 'file'
  | 'record'
  | 'settings'
  | 'operations'
  | 'policies'
  | 'models'
  | 'pin'
  | 'globe'
  | 'bell';
export type StateName = 'ok' | 'same' | 'run' | 'wait' | 'held' | 'bad' | 'warn' | 'info' | 'none' | 'act' | 'nonact';
export type LayerName = Layer | 'component';

interface GlyphProps<N> {
  name: N;
  size?: number;
  className?: string;
}

/** A line icon; its meaning is said by the words beside it or by the control's label. */
export function Icon({ name, size = 16, className = '' }: GlyphProps<IconName>) {
  return (
    <svg className={`icon ${className}`} width={size} height={size} aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** Shape and colour of a state. A word always stands beside it. */
export function State({ name, size = 14, className = '' }: GlyphProps<StateName>) {
  const glyph = (
    <svg className={`state ${name} ${className}`} width={size} height={size} aria-hidden="true">
      <use href={`#s-${name}`} />
    </svg>
  );
  return name === 'run' ? <span className="spin">{glyph}</span> : glyph;
}

/** Continuum ◆, cluster ⬢, node ■, component ●. */
export function LayerShape({ name, size = 13, className = '' }: GlyphProps<LayerName>) {
  return (
    <svg className={`layer ${name} ${className}`} width={size} height={size} aria-hidden="true">
      <use href={`#l-${name}`} />
    </svg>
  );
}
