import { type ButtonHTMLAttributes, type ReactNode, useEffect, useRef, useState } from 'react';
import { type ShownError, shownError } from '../state/connection.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';
import { Icon, type IconName, State } from './glyphs.tsx';

const words = texts.parts;

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'onClick' | 'onError'> {
  icon?: IconName;
  kind?: 'plain' | 'primary' | 'ghost' | 'danger';
  large?: boolean;
  /** A promise keeps the button busy until it settles; its failure goes to `onError`. */
  onClick?: () => unknown;
  onError?: (error: ShownError) => void;
}

/** A verb with its object. While its work goes on, a spinner takes the icon's place. */
export function Button({
  icon,
  kind = 'plain',
  large,
  onClick,
  onError,
  children,
  disabled,
  className = '',
  ...rest
}: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const press = () => {
    const work = onClick?.();
    if (!(work instanceof Promise)) return;
    setBusy(true);
    work
      .catch((error: unknown) => onError?.(shownError(error)))
      .finally(() => {
        if (mounted.current) setBusy(false);
      });
  };
  return (
    <button
      type="button"
      className={`button ${kind === 'plain' ? '' : kind} ${large ? 'large' : ''} ${busy ? 'busy' : ''} ${className}`}
      disabled={disabled || busy}
      aria-busy={busy}
      onClick={press}
      {...rest}
    >
      {busy ? <State name="run" /> : icon ? <Icon name={icon} size={14} /> : null}
      {children}
    </button>
  );
}

export function IconButton({
  icon,
  label,
  iconSize = 16,
  flip,
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { icon: IconName; label: string; iconSize?: number; flip?: boolean }) {
  return (
    <button type="button" className="icon-button" aria-label={label} title={label} {...rest}>
      <Icon name={icon} size={iconSize} className={flip ? 'flip' : ''} />
    </button>
  );
}

export function Badge({ kind = '', children }: { kind?: '' | 'ok' | 'bad' | 'warn' | 'info' | 'accent'; children: ReactNode }) {
  return <span className={`badge ${kind}`}>{children}</span>;
}

/** Says wherever a testbed is shown that parts of it are doubles, and which. */
export function DoublesBadge({ doubles }: { doubles: readonly string[] }) {
  if (doubles.length === 0) return null;
  return (
    <span className="badge warn" data-testid={testIds.doubles} title={words.theseParts(doubles.join(', '))}>
      <State name="warn" size={12} />
      {words.onDoubles}
    </span>
  );
}

export interface SegmentOption<V extends string> {
  value: V;
  label: ReactNode;
}

export function Segment<V extends string>({
  label,
  value,
  options,
  onChange,
  className = '',
}: {
  label: string;
  value: V;
  options: readonly SegmentOption<V>[];
  onChange: (value: V) => void;
  className?: string;
}) {
  return (
    <fieldset className={`segment ${className}`} aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          data-testid={`segment-${option.value}`}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

/** The platform's own list under our own face: keyboard and screen readers get what they know. */
export function Select<V extends string>({
  label,
  value,
  options,
  onChange,
  prefix,
}: {
  label: string;
  value: V;
  options: readonly { value: V; label: string }[];
  onChange: (value: V) => void;
  prefix?: ReactNode;
}) {
  return (
    <span className="select">
      {prefix}
      {options.find((option) => option.value === value)?.label ?? value}
      <Icon name="chev" size={12} />
      <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value as V)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </span>
  );
}

/** What happened and what helps, in place. */
export function ErrorNote({ error, testId = testIds.formError }: { error: ShownError | null; testId?: string }) {
  if (!error) return null;
  return (
    <div className="error-note" role="alert" data-testid={testId}>
      <State name="bad" size={16} />
      <div>
        <div className="label">{error.message}</div>
        {error.remedy ? <div className="secondary">{error.remedy}</div> : null}
      </div>
    </div>
  );
}

/** A question whose buttons are verbs; Escape cancels, and focus returns to where it was. */
export function Dialog({
  title,
  children,
  confirm,
  onConfirm,
  onClose,
  danger,
}: {
  title: string;
  children: ReactNode;
  confirm: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  danger?: boolean;
}) {
  const [error, setError] = useState<ShownError | null>(null);
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.querySelector<HTMLButtonElement>('footer button')?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the scrim is no control; Escape and the button Cancel do the same
    <div
      className="scrim"
      onMouseDown={(event) => event.target === event.currentTarget && onClose()}
      onKeyDown={(event) => event.key === 'Escape' && onClose()}
    >
      <div ref={panel} className="dialog" role="alertdialog" aria-modal="true" aria-label={title}>
        <h1>{title}</h1>
        {children}
        <ErrorNote error={error} />
        <footer>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button
            kind={danger ? 'danger' : 'primary'}
            data-testid={testIds.confirm}
            onClick={() => onConfirm().then(onClose)}
            onError={setError}
          >
            {confirm}
          </Button>
        </footer>
      </div>
    </div>
  );
}
