import { counted, formOf, nouns } from './words.ts';

type State = 'predicting' | 'learning' | 'unused' | 'serving' | 'reachable' | 'failing';

const stateWords: Record<State, string> = {
  predicting: 'Predicting',
  learning: 'Learning',
  unused: 'Not used',
  serving: 'Serving',
  reachable: 'Reachable',
  failing: 'Failing',
};

/** The page of models. */
export const models = {
  title: 'Models',
  agent: 'Agent',
  list: 'Models',
  lookAgain: 'Look again',
  upFirst: 'What agents have learnt to predict stands here, with how well, once a testbed is up.',
  asNow: 'Models are as they are now',
  pastHelp:
    'The time line shows a moment of the past. What a decision then expected, and what came of it, stands with the decision.',
  stateWord: (state: State) => stateWords[state],
  /** How an agent's models are, in one sentence. */
  sentence: ({
    agent,
    mode,
    all,
    predicting,
    failing,
  }: {
    agent: string;
    mode: 0 | 1;
    all: number;
    predicting: number;
    failing: number;
  }): string => {
    if (all === 0) return `${agent} has learnt no model yet.`;
    const wrong = failing > 0 ? `; ${counted(failing, nouns.model)} ${formOf(failing, { one: 'fails', other: 'fail' })}` : '';
    if (mode === 0 && predicting === 0)
      return `${agent} decides by heuristics; ${counted(all, nouns.model)} ${formOf(all, { one: 'learns', other: 'learn' })} beside it${wrong}.`;
    return `${predicting} of ${counted(all, nouns.model)} of ${agent} ${formOf(predicting, { one: 'predicts', other: 'predict' })}${wrong}.`;
  },
  noneYet: {
    title: 'No model yet',
    text: 'Policies learn from telemetry as it comes: the first models stand here after a few readings. Models that are registered through the northbound API (mlsysops-cli ml deploy-ml) stand with the continuum agent.',
  },
  nodesModel: (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  componentModel: (metric: string, component: string) => `${metric} of ${component}`,
  predicts: 'Predicts',
  madeBy: 'Learnt by',
  kind: 'Kind',
  seen: 'Has seen',
  samples: (count: number) => counted(count, { one: 'sample', other: 'samples' }),
  servedAt: 'Served at',
  registeredAt: 'Registered',
  openPolicy: (policy: string) => `Open the policy ${policy}`,
  version: (version: string) => `version ${version}`,
  meaning: (state: State, { policy, reason }: { policy: string | null; reason: string | null }): string => {
    switch (state) {
      case 'predicting':
        return `${policy ?? 'Its policy'} decides by it now.`;
      case 'learning':
        return `It does not decide yet${reason === null ? '' : `: ${reason}`}.`;
      case 'unused':
        return `It learns, and does not decide${reason === null ? '' : `: ${reason}`}.`;
      case 'serving':
        return 'It answered its example just now.';
      case 'reachable':
        return 'Its server answers; it has no example that could be asked.';
      case 'failing':
        return `It does not answer${reason === null ? '' : `: ${reason}`}`;
    }
  },
  changeMode: 'Choose what decides',
  where: 'Where it predicts',
  placesHint: 'what it learnt on each node, and which learner decides there now',
  node: 'Node',
  by: 'Decides there now',
  sampleCount: 'Samples',
  offBy: 'Off by',
  offByHint: 'Mean absolute error of the latest predictions, each made before the reading came',
  outcomes: 'Predicted and actual',
  outcomesHint: 'of decisions whose outcome is known',
  noOutcomes: 'No outcome of a decision by this model is known yet: it is taken some time after each decision.',
  notCompared: 'Decisions tell no figure that this model predicts, so its predictions stand beside no outcome.',
  outcomesSentence: ({ count, off, within }: { count: number; off: string; within: number }) =>
    `${counted(count, nouns.outcome)}: off by ${off} on average; ${within} of ${count} within twice the doubt that was stated.`,
  predictedAxis: (unit: string) => (unit === '' ? 'predicted' : `predicted, ${unit}`),
  actualAxis: (unit: string) => (unit === '' ? 'actual' : `actual, ${unit}`),
  asPredicted: 'as predicted',
  chartLabel: (points: readonly string[]) => `Predicted and actual: ${points.join('; ')}`,
  point: (node: string, predicted: string, actual: string) => `${node}: predicted ${predicted}, came to ${actual}`,
  decisions: 'Decisions that used it',
  decisionsLoaded: (shown: number, all: number) => (shown < all ? `the newest ${shown} of ${all}` : counted(all, nouns.decision)),
  noDecisions: 'No decision by this model is loaded. The time line loads older ones.',
  expected: (value: string) => `expected ${value}`,
  came: (value: string) => `came to ${value}`,
  waiting: 'outcome still open',
};
