import { z } from 'zod';
import { expressionSchema } from '../../decision/expression.ts';
import { actionSchema, layerSchema, premiseSchema } from '../../decision/record.ts';
import { collectPremises } from '../../explanation/premises.ts';

const words = z.string().min(1).max(200);

/** What a file says of itself. */
export const aboutSchema = z.object({
  layer: layerSchema,
  summary: z.string().max(300),
  metrics: z.array(z.string().min(1).max(100)).max(50),
  lookBackS: z.number().min(1).max(600),
  everyS: z.number().min(0.2).max(86_400),
  keepsState: z.boolean(),
});
export type About = z.infer<typeof aboutSchema>;

const querySchema = z.object({
  metric: words,
  node: z.string().optional(),
  application: z.string().optional(),
  component: z.string().optional(),
});
const triggerSchema = z.object({
  kind: words,
  text: z.string().min(1).max(500),
  application: z.string().optional(),
  component: z.string().optional(),
});
const planSchema = z.object({
  premises: z.array(premiseSchema).max(5000),
  readings: z.record(z.string(), querySchema),
  margin: z.number().min(0),
  coolDownS: z.number().min(0).max(86_400),
  horizonS: z.number().positive().max(86_400),
  options: z
    .array(
      z.object({
        action: actionSchema,
        label: words,
        rejected: z.object({ rule: words, reason: z.string().min(1).max(500) }).optional(),
        terms: z.array(z.object({ name: words, expression: expressionSchema })).max(50),
        predicted: z
          .array(z.object({ metric: words, unit: z.string(), deviation: z.number().min(0), expression: expressionSchema }))
          .max(20),
      }),
    )
    .min(1)
    .max(5000),
  outcome: z
    .object({
      metric: words,
      unit: z.string(),
      query: querySchema,
      term: z.object({ name: words, expression: expressionSchema }),
    })
    .optional(),
});
export type FilePlan = z.infer<typeof planSchema>;

/** What a file answered: every score rests on premises that are there, and one candidate changes nothing. */
export const answerSchema = z.object({
  proposals: z
    .array(
      z.object({
        trigger: triggerSchema,
        plan: planSchema
          .superRefine(({ options, premises, outcome }, context) => {
            const issue = (message: string): void => void context.addIssue({ code: 'custom', message });
            const stays = options.filter(({ action }) => action.kind === 'stay').length;
            if (stays !== 1) issue(`${stays} candidates stay as it is; exactly one must`);
            const known = new Set(premises.map(({ id }) => id));
            const asked = new Set<string>();
            for (const { terms, predicted } of options)
              for (const { expression } of [...terms, ...predicted]) collectPremises(expression, asked);
            const strange = [...asked].find((id) => !known.has(id));
            if (strange !== undefined) issue(`a score rests on "${strange}", which is no premise: use reading() or fact()`);
            if (outcome && !options.some(({ terms }) => terms.some(({ name }) => name === outcome.term.name)))
              issue(`no candidate has the term "${outcome.term.name}" that the outcome is told by`);
          })
          .nullable(),
      }),
    )
    .max(200),
  state: z.json().optional(),
});
export type Answer = z.infer<typeof answerSchema>;
