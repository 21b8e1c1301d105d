/** What a sentence shows of the world: a name, a number, or a figure that was formatted. */
export type Shown = string | number;
