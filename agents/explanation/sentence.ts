import type { Candidate, DecisionRecord, Outcome, Premise } from '../decision/record.ts';
import { flipOf } from './flip.ts';
import { explain, explainOutcome } from './shapley.ts';
import { bestChange, wasCoolingDown } from './what-if.ts';

/** A number for people: three significant digits at most, a real minus sign, the unit after a space; a ratio is told in percent. */
export function formatNumber(value: number, unit = ''): string {
  if (unit === 'ratio') return formatNumber(Math.round(value * 100), '%');
  const size = Math.abs(value);
  const rounded = size >= 100 ? Math.round(value) : Number(value.toPrecision(size < 0.1 ? 1 : size < 1 ? 2 : 3));
  return `${String(rounded).replace('-', '−')}${unit ? ` ${unit}` : ''}`;
}

/** A margin and what it is held against, with as many decimals as tell them apart. */
function formatScores(margin: number, needed: number): [margin: string, needed: string] {
  const digits = margin !== needed && Math.abs(margin).toFixed(2) === needed.toFixed(2) ? 3 : 2;
  return [Math.abs(margin).toFixed(digits), needed.toFixed(digits)];
}

/** What a metric is called in a sentence: "latency" for frame_classify_latency_ms. */
export function metricWords(metric: string): string {
  const words = metric.replace(/_(ms|seconds|bytes|ratio|w|total|ghz|cores)$/, '').split('_');
  return words.includes('latency') ? 'latency' : words.join(' ');
}

/** Something that is counted, although the mean or median of readings need not be whole: it may go past 1, and has no unit. */
const isCount = ({ unit, range, id }: Premise): boolean =>
  unit === '' && range !== undefined && range[1] > 1 && !id.includes(':');

/** "3 people in view", "about 3 people in view" for 2.7, "load of worker-1 at 0.4". */
function premiseWords(premise: Premise): string {
  const lower = premise.name.charAt(0).toLowerCase() + premise.name.slice(1);
  if (isCount(premise) && !Number.isInteger(premise.value))
    return premise.value < 0.5 ? `hardly any ${lower}` : `about ${formatNumber(Math.round(premise.value))} ${lower}`;
  return premise.unit === '' && Number.isInteger(premise.value) && !premise.id.includes(':')
    ? `${formatNumber(premise.value)} ${lower}`
    : `${lower} at ${formatNumber(premise.value, premise.unit)}`;
}

/** A record before it is told. */
type Told = Omit<DecisionRecord, 'title' | 'sentence'>;

/** Title and the whole reason of a decision in one plain sentence, from the record alone. */
export function tell(record: Told): { title: string; sentence: string } {
  const chosen = record.candidates.find(({ id }) => id === record.choice);
  if (!chosen || record.choice === record.stay) return tellStay(record, chosen);
  const subject = record.component ?? record.application ?? 'the application';
  // A policy file of the framework says what to do, and gives no reason: neither do we.
  if (record.trigger.kind === 'policy-file') return tellAsked(record, chosen, subject);
  switch (chosen.action.kind) {
    case 'move': {
      const { component, from, to } = chosen.action;
      const why = record.trigger.kind === 'misplaced' ? record.trigger.text : reason(record, chosen);
      return {
        title: `Moved ${component} to ${to}`,
        sentence: `Moved ${component} from ${from} to ${to}, because ${why}.`,
      };
    }
    case 'deploy':
      return {
        title: `Placed ${chosen.action.component} on ${chosen.action.host}`,
        sentence: `Placed ${chosen.action.component} on ${chosen.action.host}, because ${ranking(record, chosen, 'node')}.`,
      };
    case 'placeOnCluster':
      return {
        title: `Placed ${subject} on ${chosen.action.cluster}`,
        sentence: `Placed ${subject} on ${chosen.action.cluster}, because ${ranking(record, chosen, 'cluster')}.`,
      };
    default:
      return { title: chosen.label, sentence: `${chosen.label}, because ${whyDone(record, chosen)}.` };
  }
}

function tellAsked(record: Told, { action, label }: Candidate, subject: string) {
  const title =
    action.kind === 'move'
      ? `Moved ${subject} to ${action.to}`
      : action.kind === 'deploy'
        ? `Placed ${subject} on ${action.host}`
        : action.kind === 'remove'
          ? `Removed ${subject} from ${action.host}`
          : label;
  const from = action.kind === 'move' ? ` from ${action.from}` : '';
  return { title, sentence: `${title}${from}, because ${record.trigger.text}; a policy file does not say why.` };
}

function tellStay(record: Told, stay: Candidate | undefined) {
  const subject = record.component ?? record.application ?? 'things';
  const host = stay?.action.kind === 'stay' ? stay.action.host : undefined;
  const title = host ? `Left ${subject} on ${host}` : `Left ${subject} as it is`;
  return { title, sentence: `${title}: ${whyStay(record)}.` };
}

function whyStay(record: Told): string {
  const best = bestChange(record.candidates, record.stay);
  if (!best || record.margin === null) {
    const rejected = record.candidates.filter((candidate) => candidate.rejected);
    const list = rejected
      .slice(0, 3)
      .map(({ label, rejected: why }) => `${lowerFirst(label)} is ruled out, ${why?.reason ?? ''}`);
    if (list.length === 0) return 'there is nothing else to choose from';
    return `${list.join('; ')}${rejected.length > 3 ? `; and ${rejected.length - 3} more` : ''}`;
  }
  const [margin, needed] = formatScores(record.margin, record.neededMargin);
  const by = `${record.margin >= 0 ? 'wins' : 'loses'} by ${margin}`;
  if (wasCoolingDown(record) && record.margin >= record.neededMargin) {
    const seconds = Math.ceil(((record.coolDownUntil ?? record.time) - record.time) / 1000);
    return `best option ${by}, but it changed a short while ago and stays for another ${seconds} s`;
  }
  // Beside a loss, a bare figure would read as another loss.
  return `best option ${by}, needs ${record.margin >= 0 ? '' : 'to win by '}${needed}`;
}

/**
 * Why a change beat staying: what it is predicted to lead to instead of what staying would have, the premise that weighed most and by how much
 * in the unit of that outcome, and the nearest value of it at which nothing would have been changed.
 */
function reason(record: Told, chosen: Candidate): string {
  const stay = record.candidates.find(({ id }) => id === record.stay);
  const outcome = stay?.predicted[0];
  const instead = chosen.predicted.find(({ metric }) => metric === outcome?.metric);
  if (!outcome) return ranking(record, chosen, 'option');
  const target = record.premises.find(({ id, unit }) => id === 'target' && unit === outcome.unit);
  const goal = target ? `, ${overTarget(outcome, target)}` : '';
  const level = `${metricWords(outcome.metric)} at ${formatNumber(outcome.value, outcome.unit)}${goal}`;
  const told = explain(record)?.contributions.find(({ value, premise }) => value > 0 && premise !== 'target');
  const strongest = record.premises.find(({ id }) => id === told?.premise);
  const predicted = instead ? `; predicted ${formatNumber(instead.value, outcome.unit)} instead` : '';
  if (!strongest) return `staying would have kept ${level}${predicted}`;
  const share = explainOutcome(record, outcome)?.contributions.find(({ premise }) => premise === strongest.id)?.value;
  const name = lowerFirst(strongest.name);
  const contribution = share ? `; ${name} contributes ${formatSigned(share, outcome.unit)}` : '';
  return `${premiseWords(strongest)} would have kept ${level}${predicted}${contribution}${flipWords(record, strongest)}`;
}

/** Where there was nothing else to do than this or nothing, what called for it is the reason, and what weighed most. */
function whyDone(record: Told, chosen: Candidate): string {
  const feasible = record.candidates.filter(({ score }) => score !== null).map(({ id }) => id);
  if (feasible.length !== 2 || !feasible.includes(record.stay)) return ranking(record, chosen, 'option');
  const told = explain(record)?.contributions.find(({ value }) => value > 0);
  const strongest = record.premises.find(({ id }) => id === told?.premise);
  return `${record.trigger.text}${strongest ? `; ${premiseWords(strongest)}${flipWords(record, strongest)}` : ''}`;
}

/** "; it would have stayed below 2.1 people in view"; "" where no value of the premise would have changed the choice. */
function flipWords(record: Told, premise: Premise): string {
  const flip = flipOf(record, premise.id);
  if (!flip) return '';
  const other = record.candidates.find(({ id }) => id === flip.choice);
  const would =
    flip.choice === record.stay ? 'it would have stayed' : `it would have chosen to ${lowerFirst(other?.label ?? flip.choice)}`;
  const value = formatNumber(flip.to, premise.unit);
  const noun = premise.unit === '' && !premise.id.includes(':') ? ` ${lowerFirst(premise.name)}` : '';
  return `; ${would} ${flip.to < flip.from ? 'below' : 'above'} ${value}${noun}`;
}

/** "+61 ms", "−3 W". */
const formatSigned = (value: number, unit: string): string => `${value > 0 ? '+' : ''}${formatNumber(value, unit)}`;

function overTarget(outcome: Outcome, target: Premise): string {
  const side = outcome.value > target.value ? 'over' : 'near';
  return `${side} the ${formatNumber(target.value, target.unit)} target`;
}

/** How a candidate stands among the feasible ones. */
function ranking(record: Told, chosen: Candidate, noun: string): string {
  const feasible = record.candidates.filter(({ id, score }) => id !== record.stay && score !== null);
  const rejected = record.candidates.filter((candidate) => candidate.rejected);
  const ruledOut = rejected.length === 0 ? '' : ` (${rejected.length} ruled out: ${rejected[0]?.rejected?.reason ?? ''})`;
  if (feasible.length === 1) return `it is the only ${noun} that qualifies${ruledOut}`;
  const outcome = chosen.predicted[0];
  const staying = record.candidates
    .find(({ id }) => id === record.stay)
    ?.predicted.find(({ metric }) => metric === outcome?.metric);
  const instead = outcome && staying ? ` instead of ${formatNumber(staying.value, staying.unit)}` : '';
  const level = outcome ? `, with ${metricWords(outcome.metric)} at ${formatNumber(outcome.value, outcome.unit)}${instead}` : '';
  return `it is the best of ${feasible.length} ${noun}s${level}${ruledOut}`;
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
