/** Imports run one way: agents ← provisioning ← main; the renderer sees the contract alone; inside agents, lowest first. */
const order = [
  ['descriptions', 'decision', 'bus', 'host'],
  ['telemetry', 'orchestration'],
  ['learning', 'explanation', 'mechanisms'],
  ['policies'],
  ['loop'],
  ['functions'],
  ['northbound'],
];
const layered = order.slice(0, -1).map((rooms, index) => ({
  name: `agents-${rooms[0]}-stands-lower`,
  comment: 'Inside agents, what stands lower may be imported, not the other way round.',
  severity: 'error',
  from: { path: `^agents/(${rooms.join('|')})/` },
  to: {
    path: `^agents/(${order
      .slice(index + 1)
      .flat()
      .join('|')})/`,
  },
}));

export default {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'agents-know-no-desktop',
      comment: 'Agents run on the testbed: no SSH, no desktop.',
      severity: 'error',
      from: { path: '^agents/' },
      to: { path: ['^(provisioning|main|renderer)/', 'node_modules/(ssh2|electron|react|node-pty)/'] },
    },
    {
      name: 'provisioning-knows-no-desktop',
      severity: 'error',
      from: { path: '^provisioning/' },
      to: { path: '^(main|renderer)/' },
    },
    { name: 'main-knows-no-face', severity: 'error', from: { path: '^main/' }, to: { path: '^renderer/' } },
    {
      name: 'renderer-sees-the-contract-alone',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { path: '^(agents|provisioning|main|test)/', pathNot: '^main/contract/' },
    },
    {
      name: 'contract-is-browser-safe',
      comment: 'The contract holds schemas alone.',
      severity: 'error',
      from: {
        path: [
          '^main/contract/',
          '^agents/(decision|explanation)/',
          '^agents/bus/(messages|subjects)',
          '^provisioning/(run/events|testbed/schema)',
        ],
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'node-agent-has-no-kubernetes-client',
      comment: 'It must stay small.',
      severity: 'error',
      from: { path: '^agents/(main/)?node\\.ts$' },
      to: { path: 'node_modules/@kubernetes/', reachable: true },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(agents|provisioning|main|renderer)/', pathNot: '\\.test\\.tsx?$' },
      to: { path: ['^test/', '\\.test\\.tsx?$', 'node_modules/(vitest|fast-check)/'] },
    },
    ...layered,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    // TypeScript 7 has no API that dependency-cruiser knows: without swc it would see no modules and report no violations.
    parser: 'swc',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mts', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
