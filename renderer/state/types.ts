import type { EventOf, OutputOf } from '../../main/contract/contract.ts';

/** Names for what the contract carries, derived from it so that they cannot drift. */
export type TestbedSummary = OutputOf<'testbeds.get'>;
export type TestbedStatus = OutputOf<'testbeds.status'>;
export type HostKey = OutputOf<'testbeds.hostKeys'>[number];
export type Plan = OutputOf<'testbeds.plan'>;
export type SystemInfo = OutputOf<'system.info'>;
export type Topology = EventOf<'topology.watch'>;
export type TopologyNode = Topology['nodes'][number];
export type AgentLife = Topology['agents'][number];
export type ApplicationStatus = Topology['applications'][number];
export type ComponentStatus = ApplicationStatus['components'][number];
export type DecisionRecord = OutputOf<'decisions.get'>;
export type Candidate = DecisionRecord['candidates'][number];
export type Premise = DecisionRecord['premises'][number];
export type Layer = DecisionRecord['agent']['layer'];
export type RunEvent = EventOf<'runs.watch'>[number];
export type RunSummary = OutputOf<'runs.list'>[number];
export type CellState = Extract<RunEvent, { type: 'cell' }>['state'];
export type FailureValue = Extract<RunEvent, { type: 'failure' }>['failure'];
export type Series = OutputOf<'telemetry.query'>[number];
export type SeriesKey = Series['key'];

/** The choice was something else than staying put. */
export const isAct = (record: DecisionRecord): boolean => record.choice !== record.stay;
