import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { SecretEvent } from '../../main/contract/secrets.ts';
import { Button, ErrorNote } from '../parts/controls.tsx';
import { Icon } from '../parts/glyphs.tsx';
import { currentClient, type ShownError, shownError } from '../state/connection.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useStream } from '../state/use-stream.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

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
  password: words.password,
  passphrase: words.passphraseOf,
  sudo: words.passwordFor,
  'one-time-code': words.oneTimeCode,
  'keyboard-interactive': words.theHostAsks,
  vault: words.passphraseOfKept,
  'vault-new': words.aPassphrase,
};

const vaultWords = {
  vault: words.itOpensWhat,
  'vault-new': words.thisComputerOffers,
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
          {ofVault ? vaultWords[kind] : words.as2(jumpHost ? words.onTheWayTo(jumpHost, host) : host, user)}
          {file ? ` · ${file}` : ''}
        </p>
        {attempt === 3 ? (
          <p className="bad-text" role="alert">
            {words.thisIsTheLast}
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
                {shown ? words.hide : words.show2}
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
            {question.keptBy === 'keychain' ? words.keepItEncrypted : words.keepItEncryptedBy}
          </label>
        ) : null}
        <p className="muted caption">
          {ofVault ? words.askedForOnce : keep ? words.notAskedFor : words.keptInMemory}
          {waiting > 0 ? words.moreToAnswer(waiting) : ''}
        </p>
        {forgotten ? (
          <div className="well">
            <p>{words.withoutItWhat}</p>
            <Button
              kind="danger"
              data-testid={testIds.secretReset}
              onClick={() => currentClient().call('secrets.reset', {})}
              onError={setError}
            >
              {words.forgetAllKept}
            </Button>
          </div>
        ) : null}
        <footer>
          {kind === 'vault' && !forgotten ? (
            <Button kind="ghost" data-testid={testIds.secretForgotten} onClick={() => setForgotten(true)}>
              {words.iDoNotKnow}
            </Button>
          ) : null}
          <Button onClick={() => answer(null)}>{words.goOnWithout}</Button>
          <button type="submit" className="button primary" data-testid={testIds.secretAnswer}>
            {words.answer}
          </button>
        </footer>
      </form>
    </div>
  );
}
