/** Explanations are computed from the record alone, wherever it is: the window gets them here. */
export { type Flip, flipOf, flips } from '../../agents/explanation/flip.ts';
export { formatNumber, metricWords, tell } from '../../agents/explanation/sentence.ts';
export {
  type Contribution,
  type Explanation,
  explain,
  explainOutcome,
  type OutcomeExplanation,
} from '../../agents/explanation/shapley.ts';
export {
  bestChange,
  type Rescored,
  recordedValues,
  rescore,
  type Scored,
  wasCoolingDown,
} from '../../agents/explanation/what-if.ts';
