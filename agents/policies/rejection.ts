/** Why something may not be: the rule, as descriptions name it, and a sentence without a full stop. */
export interface Rejection {
  rule: string;
  reason: string;
}
