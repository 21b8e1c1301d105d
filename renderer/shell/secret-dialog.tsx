import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { SecretEvent } from '../../main/contract/secrets.ts';
import { Button, ErrorNote } from '../parts/controls.tsx';
import { Icon } from '../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../state/connection.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useStream } from '../state/use-stream.ts';
import { testIds } from '../test-ids.ts';

type Question = Extract<SecretEvent, { type: 'ask' }>;

/** Asks for what the hosts of the current testbed want to know, one question after the other. What is typed goes to the core and stays nowhere. */
export function SecretQuestions() {
  const testbed = useCurrentTestbed();
  const [questions, setQuestions] = useState<readonly Question[]>([]);
  const asks = testbed?.kind === 'hosts' ? testbed.name : null;
  useStream(
    'secrets.watch',
    asks === null ? null : { testbed: asks },
    (event) =>
      setQuestions((open) =>
        event.type === 'settled'
          ? open.filter(({ id }) => id !== event.id)
          : [...open.filter(({ id }) => id !== event.id), event],
      ),
    // While nobody listens, hosts that ask are given up.
    { evenHidden: true, onOpen: () => setQuestions([]), onEnd: () => setQuestions([]) },
  );
  const [first] = questions;
  return first ? <SecretDialog key={first.id} question={first} waiting={questions.length - 1} /> : null;
}

const titles: Record<Question['request']['kind'], string> = {
  password: 'Password',
  passphrase: 'Passphrase of a key',
  sudo: 'Password for sudo',
  'one-time-code': 'One-time code',
  'keyboard-interactive': 'The host asks',
  vault: 'Passphrase of kept passwords',
  'vault-new': 'A passphrase for kept passwords',
};

const vaultWords = {
  vault: 'It opens what was kept for the hosts of all testbeds.',
  'vault-new': 'This computer offers no keychain: what you keep is encrypted by it (scrypt, AES-256-GCM).',
};

function SecretDialog({ question, waiting }: { question: Question; waiting: number }) {
  const { kind, host, jumpHost, user, prompt, echo, file, attempt } = question.request;
  const [shown, setShown] = useState(echo);
  const [keep, setKeep] = useState(false);
  const [forgotten, setForgotten] = useState(false);
  const ofVault = kind === 'vault' || kind === 'vault-new';
  const [error, setError] = useState<ShownError | null>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    input.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const answer = (secret: string | null) =>
    currentClient()
      .call('secrets.answer', { id: question.id, secret, keep: keep && secret !== null })
      .catch((reason: unknown) => setError(shownError(reason)));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void answer(input.current?.value ?? '');
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the scrim is no control; Escape and the button do the same
    <div className="scrim" onKeyDown={(event) => event.key === 'Escape' && void answer(null)}>
      <form className="dialog secret" role="alertdialog" aria-modal="true" aria-label={titles[kind]} onSubmit={submit}>
        <h1>
          <Icon name="key" size={16} />
          {titles[kind]}
        </h1>
        <p className="secondary">
          {ofVault ? vaultWords[kind] : `${jumpHost ? `${jumpHost}, on the way to ${host}` : host} as ${user}`}
          {file ? ` · ${file}` : ''}
        </p>
        {attempt === 3 ? (
          <p className="bad-text" role="alert">
            This is the last try.
          </p>
        ) : null}
        <label>
          <span className="field-label">{prompt}</span>
          <span className="secret-row">
            <input
              ref={input}
              className="field"
              type={shown ? 'text' : 'password'}
              autoComplete="off"
              spellCheck={false}
              inputMode={kind === 'one-time-code' ? 'numeric' : undefined}
              data-testid={testIds.secret}
            />
            {echo ? null : (
              <Button kind="ghost" aria-pressed={shown} onClick={() => setShown(!shown)}>
                {shown ? 'Hide' : 'Show'}
              </Button>
            )}
          </span>
        </label>
        <ErrorNote error={error} />
        {question.keptBy ? (
          <label className="row">
            <input
              type="checkbox"
              checked={keep}
              data-testid={testIds.secretKeep}
              onChange={(event) => setKeep(event.target.checked)}
            />
            {question.keptBy === 'keychain'
              ? 'Keep it, encrypted by this computer’s keychain'
              : 'Keep it, encrypted by a passphrase of yours'}
          </label>
        ) : null}
        <p className="muted caption">
          {ofVault
            ? 'Asked for once, until the app ends.'
            : keep
              ? 'Not asked for again, until it is wrong.'
              : 'Kept in memory only, until the app ends.'}
          {waiting > 0 ? ` ${waiting} more to answer.` : ''}
        </p>
        {forgotten ? (
          <div className="well">
            <p>
              Without it, what is kept cannot be read by anybody. It is forgotten then, and hosts ask for their passwords again.
            </p>
            <Button
              kind="danger"
              data-testid={testIds.secretReset}
              onClick={() => currentClient().call('secrets.reset', {})}
              onError={setError}
            >
              Forget all kept passwords
            </Button>
          </div>
        ) : null}
        <footer>
          {kind === 'vault' && !forgotten ? (
            <Button kind="ghost" data-testid={testIds.secretForgotten} onClick={() => setForgotten(true)}>
              I do not know it any more
            </Button>
          ) : null}
          <Button onClick={() => answer(null)}>Go on without</Button>
          <button type="submit" className="button primary" data-testid={testIds.secretAnswer}>
            Answer
          </button>
        </footer>
      </form>
    </div>
  );
}
