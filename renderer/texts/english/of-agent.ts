/** Pages about one agent, while there is none to show. */
export const ofAgent = {
  waiting: 'Waiting for an agent',
  noneUp: 'No testbed is up',
  backToLive: 'Back to live',
  chooseTestbed: 'Choose a testbed',
};
