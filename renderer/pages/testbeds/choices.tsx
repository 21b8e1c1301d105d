import { type ReactNode, useState } from 'react';
import { Button, ErrorNote } from '../../parts/controls.tsx';
import { Icon, type IconName, State } from '../../parts/glyphs.tsx';
import type { ShownError } from '../../state/connection.ts';
import { useNavigation } from '../../state/navigation.ts';
import { makeLocalHosts, startTwin, useTestbeds } from '../../state/testbeds.ts';
import { testIds } from '../../test-ids.ts';
import { texts } from '../../texts/texts.ts';
import { HostsForm } from './hosts-form.tsx';
import { TwinsForm } from './twins-form.tsx';

const words = texts.testbeds;

/** The three kinds of testbed side by side. */
export function Choices({ onDone }: { onDone?: () => void }) {
  const info = useTestbeds((state) => state.info);
  const go = useNavigation((state) => state.go);
  const [hosts, setHosts] = useState(false);
  const [twins, setTwins] = useState(false);
  const [twinError, setTwinError] = useState<ShownError | null>(null);
  const [localError, setLocalError] = useState<ShownError | null>(null);
  const unavailable = info?.localHostsUnavailable ?? null;

  const createLocal = async () => {
    setLocalError(null);
    go('testbeds', await makeLocalHosts());
    onDone?.();
  };
  return (
    <>
      <div className="choices">
        <Choice
          icon="twin"
          on={twins}
          title={words.startTheTwin}
          text={words.simulatedHostsLinks}
          time="First explained decision within 10 s"
        >
          <div className="actions">
            <Button
              kind="primary"
              data-testid={testIds.startTwin}
              onClick={async () => {
                setTwinError(null);
                await startTwin();
                onDone?.();
              }}
              onError={setTwinError}
            >
              {words.startTheTwin}
            </Button>
            <Button kind="ghost" data-testid={testIds.otherTwins} aria-expanded={twins} onClick={() => setTwins(!twins)}>
              {texts.twins.others}
            </Button>
          </div>
          <ChoiceError error={twinError} />
        </Choice>
        <Choice
          icon="testbeds"
          on={hosts}
          title={words.useMyHosts}
          text={words.fourLinuxMachines}
          time="You see the plan before anything changes"
        >
          <div className="actions">
            <Button data-testid={testIds.createHosts} aria-expanded={hosts} onClick={() => setHosts(!hosts)}>
              {hosts ? words.closeTheForm : words.nameMyHosts}
            </Button>
          </div>
        </Choice>
        <Choice
          icon="laptop"
          title={words.makeLocalHosts}
          text={words.fourRealLinuxHosts}
          time="You see the plan before anything changes"
        >
          <div className="actions">
            <Button
              data-testid={testIds.createLocal}
              disabled={unavailable !== null || info === null}
              onClick={createLocal}
              onError={setLocalError}
            >
              {words.makeLocalHosts}
            </Button>
          </div>
          {unavailable ? (
            <div className="reason secondary row gap-6">
              <State name="info" />
              <span>{unavailable}</span>
            </div>
          ) : null}
          <ChoiceError error={localError} />
        </Choice>
      </div>
      {twins ? <TwinsForm onDone={() => onDone?.()} /> : null}
      {hosts ? (
        <HostsForm
          onCreated={(name) => {
            setHosts(false);
            go('testbeds', name);
            onDone?.();
          }}
        />
      ) : null}
    </>
  );
}

function ChoiceError({ error }: { error: ShownError | null }) {
  return error ? (
    <div className="reason">
      <ErrorNote error={error} />
    </div>
  ) : null;
}

function Choice({
  icon,
  title,
  text,
  time,
  on,
  children,
}: {
  icon: IconName;
  title: string;
  text: string;
  time: string;
  on?: boolean;
  children: ReactNode;
}) {
  return (
    <section className="choice" aria-label={title}>
      <span className="picture" data-on={on || undefined}>
        <Icon name={icon} size={18} />
      </span>
      <div>
        <h2>{title}</h2>
        <div className="secondary">{text}</div>
        <div className="caption muted">{time}</div>
      </div>
      {children}
    </section>
  );
}
