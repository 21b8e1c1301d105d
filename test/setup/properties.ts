import fc from 'fast-check';

/**
 * Property tests draw the same cases in every run, so that a change is judged by itself and not by luck; PROPERTIES_SEED=random (or a number)
 * looks at others.
 */
const { PROPERTIES_SEED: wanted = '1' } = process.env;
if (wanted !== 'random') fc.configureGlobal({ seed: Number(wanted) });
