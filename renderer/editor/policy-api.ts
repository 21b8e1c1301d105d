/** A word that a policy file may write, as completion offers it. */
export interface ApiWord {
  label: string;
  detail: string;
  /** Written instead of the label, e.g. with what must follow. */
  apply?: string;
}

/** What may be imported from 'mlsysops', by kind. Held against the module itself by its test. */
export const imported: { functions: ApiWord[]; types: ApiWord[] } = {
  functions: [
    { label: 'sum', detail: '(…terms): Expression' },
    { label: 'times', detail: '(…terms): Expression' },
    { label: 'minus', detail: '(from, what): Expression' },
    { label: 'over', detail: '(what, by): Expression' },
    { label: 'least', detail: '(…terms): Expression' },
    { label: 'most', detail: '(…terms): Expression' },
    { label: 'stay', detail: '(component?, host?): Action' },
    { label: 'deploy', detail: '(component, host): Action' },
    { label: 'move', detail: '(component, from, to): Action' },
    { label: 'command', detail: '(mechanism, command): Action' },
  ],
  types: [
    'Expression',
    'Json',
    'Action',
    'SeriesQuery',
    'Reading',
    'Shown',
    'Premises',
    'Trigger',
    'Candidate',
    'Plan',
    'PolicyFile',
    'MechanismView',
    'NodeView',
    'ComponentView',
    'Application',
    'ClusterView',
    'HostView',
    'ContinuumView',
    'ClusterPolicy',
    'NodePolicy',
    'ContinuumPolicy',
  ].map((label) => ({ label, detail: 'type of mlsysops' })),
};

const members = (text: string): ApiWord[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [label = '', ...detail] = line.trim().split(' ');
      return { label, detail: detail.join(' ') };
    });

/** Members of what a policy is shown and answers, by the interface that has them: a name, then what it is. */
export const interfaces: Record<string, ApiWord[]> = {
  SeriesQuery: members(`metric string
    node string
    application string
    component string`),
  Reading: members(`time ms since the epoch
    value number
    node string
    application string
    component string`),
  Shown: members(`now ms since the epoch
    agent string
    view what the agent sees
    settings the policy's own
    latest (query): Reading[], newest first
    points (query, sinceMs?): { time, value }[], oldest first
    usual (query, sinceMs?): median, or undefined`),
  Premises: members(`reading (name, query, range?): Expression | undefined
    fact (name, value, unit, source): Expression`),
  Trigger: members(`kind string
    text for people
    application string
    component string`),
  Candidate: members(`action Action
    label for people
    terms summed, they are the score
    rejected { rule, reason }
    predicted { metric, unit, value, deviation? }[]`),
  Plan: members(`candidates one of them a stay
    margin what a change must win by
    coolDownS s, 60 by itself
    horizonS s, 30 by itself
    outcome { query, unit, term, score }`),
  PolicyFile: members(`layer 'continuum' | 'cluster' | 'node'
    summary one sentence for people
    metrics names that it is shown
    lookBackS s, 60 by itself
    everyS s, 1 by itself
    settings the policy's own
    analyze (shown): Trigger[]
    plan (shown, trigger): Plan | undefined
    state (): Json
    restore (state): void`),
  MechanismView: members(`state Json
    options Json`),
  NodeView: members(`name string
    ready boolean
    unschedulable boolean
    labels Record<string, string>
    taints { key, value, effect }[]
    cores number
    memoryBytes number
    heartbeat { lastAt, alive } | null
    frequencyGHz number | null
    trustLevel 0–1
    suspect string
    mechanisms by name`),
  ComponentView: members(`application string
    component string
    pin node, or null
    replicas number
    pods { name, node, ready, phase, leaving }[]`),
  Application: members(`uid string
    description as its author wrote it
    clusters string[]`),
  ClusterView: members(`cluster string
    nodes NodeView[]
    applications Application[]
    components ComponentView[]
    mechanisms by name
    mode 0 | 1`),
  HostView: members(`node string
    cluster string
    components { application, component, podUid }[]
    mechanisms by name
    mode 0 | 1`),
  ContinuumView: members(`members { name, ready, reason?, agentAlive }[]
    applications Application[]
    mechanisms by name
    mode 0 | 1`),
};

/** What the framework's Python policies have: the three functions, and what these are given and give. */
export const python: { functions: ApiWord[]; words: ApiWord[] } = {
  functions: [
    { label: 'initialize', detail: 'what the policy needs', apply: 'def initialize():\n    return ' },
    {
      label: 'analyze',
      detail: 'whether to plan',
      apply:
        'async def analyze(context, application_description, system_description, mechanisms, telemetry, ml_connector):\n    return False, context',
    },
    {
      label: 'plan',
      detail: 'what to do',
      apply:
        'async def plan(context, application_description, system_description, mechanisms, telemetry, ml_connector):\n    return {}, context',
    },
  ],
  words: members(`context kept between calls
    application_description the MLSysOpsApp
    system_description the cluster and its nodes
    mechanisms state and options by name
    telemetry await telemetry.query(): a pandas frame
    ml_connector models
    scope "application" or "global"
    configuration what it is set to
    analyze_interval e.g. "10s"
    system_scrape_interval e.g. "1s"
    metrics names that it is shown
    packages what it imports
    core whether it is of the framework`),
};
