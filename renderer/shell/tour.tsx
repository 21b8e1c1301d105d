import { Button, IconButton } from '../parts/controls.tsx';
import { State } from '../parts/glyphs.tsx';
import { useNavigation } from '../state/navigation.ts';
import { useCurrentTestbed } from '../state/testbeds.ts';
import { useTime } from '../state/time.ts';
import { endTour, useTour } from '../state/tour.ts';
import { type DecisionRecord, isAct } from '../state/types.ts';
import { useWorld } from '../state/world.ts';
import { testIds } from '../test-ids.ts';

/** What the tour ends in: the newest relocation, else any act. */
export const decisionToShow = (decisions: readonly DecisionRecord[]): DecisionRecord | null =>
  decisions.find((record) => isAct(record) && record.candidates.find(({ id }) => id === record.choice)?.action.kind === 'move') ??
  decisions.find(isAct) ??
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
  const decision = useWorld((state) => decisionToShow(state.decisions));
  const go = useNavigation((state) => state.go);
  if (step === null || testbed?.state !== 'up') return null;
  const steps: Step[] = [
    {
      text: 'This is your testbed: the continuum above its clusters, clusters above their nodes, and on the nodes the parts of a camera application.',
      next: 'What do the agents do?',
    },
    decision
      ? {
          text: `An agent has decided: ${decision.title}. Each act ▲ and each non-act ○ stands on the time line below, with its reason.`,
          next: 'Show me why',
          act: () => {
            useTime.getState().select(decision);
            go('decisions');
          },
        }
      : {
          text: 'Agents watch latency against its target. As soon as people walk into view, one of them has to decide; this takes some seconds.',
          next: 'Waiting for a decision',
        },
    {
      text: 'The sentence says why. Below it: what else could have been done, what weighed how much, and what was expected against what came.',
      next: 'What would have prevented it?',
      act: () => document.querySelector(`[data-testid="${testIds.whatIf}"]`)?.scrollIntoView({ block: 'center' }),
    },
    {
      text: '"What would have changed it" names the nearest value of each reading with another outcome. Move a slider under "What if" to try others.',
      next: 'I have seen it',
      act: () => endTour(),
    },
  ];
  const shown = steps[step];
  if (!shown) return null;
  const isWaiting = step === 1 && !decision;
  return (
    <section
      className="tour"
      aria-label="Tour"
      data-testid={testIds.tour}
      onKeyDown={(event) => event.key === 'Escape' && endTour()}
    >
      <span className="tour-count caption muted">
        {step + 1} of {steps.length}
      </span>
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
      <IconButton icon="x" label="End the tour" data-testid={testIds.tourEnd} onClick={() => endTour()} />
    </section>
  );
}
