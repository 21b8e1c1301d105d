import { Button, IconButton } from '../parts/controls.tsx';
import { State } from '../parts/glyphs.tsx';
import { useNavigation } from '../state/navigation.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useTime } from '../state/time.ts';
import { endTour, useTour } from '../state/tour.ts';
import { useTestbedNow } from '../state/twin-clock.ts';
import { type DecisionRecord, isAct } from '../state/types.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';
import { texts } from '../texts/texts.ts';

const words = texts.shell;

/** A new testbed places its components first; the relocation that the tour is about comes some seconds later. */
const patienceMs = 20_000;

/** What the tour ends in: the newest relocation, else, when none has come for a while, any act. */
export const decisionToShow = (decisions: readonly DecisionRecord[], now: number): DecisionRecord | null =>
  decisions.find((record) => isAct(record) && record.candidates.find(({ id }) => id === record.choice)?.action.kind === 'move') ??
  decisions.find((record) => isAct(record) && now - record.time > patienceMs) ??
  null;

interface Step {
  text: string;
  /** What its button says, and does besides going on. */
  next: string;
  act?: () => void;
}

/** Four sentences from a new twin to an explained decision. A strip of its own above the time bar: it covers nothing. */
export function Tour() {
  const step = useTour((state) => state.step);
  const testbed = useCurrentTestbed();
  const now = useTestbedNow(1000);
  const decision = useWorld((state) => decisionToShow(state.decisions, now));
  const go = useNavigation((state) => state.go);
  if (step === null || testbed?.state !== 'up') return null;
  const steps: Step[] = [
    {
      text: words.thisIsYour,
      next: words.whatDoTheAgents,
    },
    decision
      ? {
          text: words.anAgentHas(decision.title),
          next: words.showMeWhy,
          act: () => {
            useTime.getState().select(decision);
            go('decisions');
          },
        }
      : {
          text: words.agentsWatch,
          next: words.waitingForA,
        },
    {
      text: words.theSentence,
      next: words.whatWouldHave,
      act: () => document.querySelector(`[data-testid="${testIds.whatIf}"]`)?.scrollIntoView({ block: 'center' }),
    },
    {
      text: words.whatWouldHaveChanged,
      next: words.iHaveSeenIt,
      act: () => endTour(),
    },
  ];
  const shown = steps[step];
  if (!shown) return null;
  const isWaiting = step === 1 && !decision;
  return (
    <section
      className="tour"
      aria-label={words.tour}
      data-testid={testIds.tour}
      onKeyDown={(event) => event.key === 'Escape' && endTour()}
    >
      <span className="tour-count caption muted">{words.of(step + 1, steps.length)}</span>
      <p className="body tour-text" aria-live="polite">
        {shown.text}
      </p>
      <Button
        kind="primary"
        disabled={isWaiting}
        data-testid={testIds.tourNext}
        onClick={() => {
          if (step + 1 < steps.length) useTour.setState({ step: step + 1 });
          shown.act?.();
        }}
      >
        {isWaiting ? <State name="run" /> : null}
        {shown.next}
      </Button>
      <IconButton icon="x" label={words.endTheTour} data-testid={testIds.tourEnd} onClick={() => endTour()} />
    </section>
  );
}
