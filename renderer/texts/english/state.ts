import type { Shown } from '../shown.ts';

/** Names of states and kinds, and what is told in notices. */
export const state = {
  thereIsNoConnection: 'There is no connection to the core yet.',
  theRecording: 'The recording was cut off.',
  saveItAgain: 'Save it again.',
  pausedWhat: 'Paused: what has begun goes on, nothing further begins.',
  goesOn: 'Goes on.',
  thisComputer: 'this computer',
  myHosts: 'my hosts',
  localHosts: 'local hosts',
  of: (ofValue: Shown) => `Of ${ofValue}`,
  notSetUpYet: 'Not set up yet',
  beingSetUp: 'Being set up',
  up: 'Up',
  stoppedWith: 'Stopped with a failure',
  down: 'Down',
  n5Min: '5 min',
  n15Min: '15 min',
  n30Min: '30 min',
  all: 'All',
};
